"""The generator behind the server: what it answers depends on the prompt alone.

answer HTTP 503         that status, with an error
break off               half a stream, then the connection is dropped
call the tool           a call of the first function declared
question about ferries  a sentence that a passage supports, to have worded answers
anything else           "Echo: " and the prompt, streamed word by word
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.fake_openai import Reply, completion, delta, streamed

WORDED = "The ferry from Mallaig takes 30 minutes."


def script(body: dict[str, Any]) -> Reply:
    """The reply to a request for a chat completion."""
    last = body["messages"][-1]
    prompt = _text(last["content"])
    status = re.search(r"answer HTTP (\d{3})", prompt)
    if status:
        return Reply(int(status[1]), {"error": {"message": f"scripted {status[1]}"}})
    if "break off" in prompt:
        return Reply(blocks=[delta("Half an ")], cut=True)
    if "call the tool" in prompt and last["role"] == "user" and body.get("tools"):
        return _call(body["tools"][0]["function"]["name"], stream=bool(body.get("stream")))
    if body.get("response_format"):
        text = json.dumps({"colour": "blue"})
    elif "ferry" in prompt and "assage" in prompt:
        text = WORDED
    else:
        text = f"Echo: {prompt}"
    if body.get("stream"):
        return streamed(*re.findall(r"\S+\s*", text))
    return completion(text)


def _call(name: str, *, stream: bool) -> Reply:
    call = {"id": "call_1", "type": "function", "index": 0}
    call["function"] = {"name": name, "arguments": json.dumps({"city": "Oban"})}
    if not stream:
        return completion("", "tool_calls", tool_calls=[call])
    return Reply(
        blocks=[delta(None, tool_calls=[call]), delta(finish="tool_calls"), b"data: [DONE]\n\n"]
    )


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return str(content or "")

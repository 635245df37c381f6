"""Files and cached contents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ragkit.api import methods
from ragkit.api.cached_contents import CachedContent
from ragkit.api.common import Empty
from ragkit.api.content import ContentInput, wrap_content, wrap_contents
from ragkit.api.files import File
from ragkit.api.names import cached_content_name, file_name, model_name
from ragkit.api.tools import Tool, ToolConfig
from ragkit.client._calls import Call, ClientT, PagedCall, Resource, Steps, call, message, method
from ragkit.client._resources.generation import Contents
from ragkit.client._upload_sources import Uploadable
from ragkit.client._uploads import Progress, download, upload


class Files(Resource[ClientT]):
    """Methods on uploaded files."""

    @method
    def upload(
        self,
        file: Uploadable,
        *,
        name: str | None = None,
        display_name: str | None = None,
        mime_type: str | None = None,
        progress: Progress | None = None,
    ) -> Steps[File]:
        """Upload a file (media.upload); a large one goes on where a broken connection left it.

        Args:
            file: a path, bytes, or a binary file object.
            name: its id or name; left out, a random one.
            display_name: at most 512 characters; by default the path's last part.
            mime_type: by default guessed from the name.
            progress: told the bytes that the server has, and the bytes in all.
        """
        return upload(
            file,
            self._client._options,
            name=name,
            display_name=display_name,
            mime_type=mime_type,
            progress=progress,
        )

    @method
    def get(self, name: str) -> Call[File]:
        """Get what is known of a file (files.get)."""
        return call(methods.FILES_GET, name=file_name(name))

    @method
    def download(self, name: str) -> Steps[bytes]:
        """The content of a file that the service made, such as a batch's responses.

        This is Google's media.download; a file that was uploaded cannot be downloaded.

        Args:
            name: its id or name.

        Raises:
            FailedPrecondition: the file was uploaded.
        """
        return download(file_name(name), self._client._options)

    @method
    def delete(self, name: str) -> Call[Empty]:
        """Delete a file (files.delete)."""
        return call(methods.FILES_DELETE, name=file_name(name))

    @method
    def list(self, *, page_size: int | None = None) -> PagedCall[File]:
        """List the files (files.list); `page_size` is at most 100."""
        return PagedCall(call(methods.FILES_LIST, page_size=page_size), "files")


class CachedContents(Resource[ClientT]):
    """Methods on cached contents: beginnings of prompts that a model has processed."""

    @method
    def create(
        self,
        model: str,
        contents: Contents | None = None,
        *,
        system_instruction: ContentInput | None = None,
        tools: Sequence[Tool] | None = None,
        tool_config: ToolConfig | None = None,
        display_name: str | None = None,
        ttl: timedelta | None = None,
        expire_time: datetime | None = None,
    ) -> Call[CachedContent]:
        """Cache content for a model (cachedContents.create).

        Args:
            model: id or name of the model.
            contents: what to cache.
            system_instruction: text that comes before it.
            tools: tools that the model may call.
            tool_config: how it may call them.
            display_name: at most 128 characters.
            ttl: how long to keep it,
            expire_time: or until when; not both.
        """
        instruction = None if system_instruction is None else wrap_content(system_instruction)
        content = message(
            CachedContent,
            model=model_name(model),
            contents=None if contents is None else wrap_contents(contents),
            system_instruction=instruction,
            tools=tools,
            tool_config=tool_config,
            display_name=display_name,
            ttl=ttl,
            expire_time=expire_time,
        )
        return call(methods.CACHED_CONTENTS_CREATE, cached_content=content)

    @method
    def get(self, name: str) -> Call[CachedContent]:
        """Get what is known of cached content (cachedContents.get)."""
        return call(methods.CACHED_CONTENTS_GET, name=cached_content_name(name))

    @method
    def update(
        self, name: str, *, ttl: timedelta | None = None, expire_time: datetime | None = None
    ) -> Call[CachedContent]:
        """Change when cached content expires (cachedContents.patch): `ttl` or `expire_time`."""
        content = message(
            CachedContent, name=cached_content_name(name), ttl=ttl, expire_time=expire_time
        )
        mask = [field for field in ("ttl", "expire_time") if field in content.model_fields_set]
        return call(methods.CACHED_CONTENTS_PATCH, cached_content=content, update_mask=mask)

    @method
    def delete(self, name: str) -> Call[Empty]:
        """Delete cached content (cachedContents.delete)."""
        return call(methods.CACHED_CONTENTS_DELETE, name=cached_content_name(name))

    @method
    def list(self, *, page_size: int | None = None) -> PagedCall[CachedContent]:
        """List cached contents (cachedContents.list)."""
        described = call(methods.CACHED_CONTENTS_LIST, page_size=page_size)
        return PagedCall(described, "cached_contents")

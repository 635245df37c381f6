"""REST for the clients that leave the transport of Google's generated client to its default.

LangChain's and LlamaIndex's stores name an endpoint and no transport, and the generated client
then takes the first in its list, which is gRPC. Its metaclass keeps that list, by label, in order;
no option or variable reaches it. So REST is moved to its front: no code of any client changes.
"""

from __future__ import annotations

from google.ai.generativelanguage_v1beta.services.generative_service import (
    client as generative_service,
)
from google.ai.generativelanguage_v1beta.services.retriever_service import (
    client as retriever_service,
)


def rest_first() -> None:
    """Make REST the default transport of the services that the stores use."""
    for kind in (
        retriever_service.RetrieverServiceClientMeta,
        generative_service.GenerativeServiceClientMeta,
    ):
        kind._transport_registry.move_to_end("rest", last=False)

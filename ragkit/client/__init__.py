"""Clients of the API: synchronous and asynchronous, over HTTP or in this process."""

from ragkit.client._auth import Credentials
from ragkit.client._availability import MethodClosed
from ragkit.client._calls import AsyncPager, Pager
from ragkit.client._client import AsyncClient, Client
from ragkit.client._connect import (
    Target,
    connect,
    connect_async,
    default_data_folder,
    resolve_target,
)
from ragkit.client._operations import OperationHandle, OperationTimeout
from ragkit.client._retry import RetryPolicy
from ragkit.client._streams import AsyncStream, Stream
from ragkit.client._transports import AsyncTransport, Transport

__all__ = [
    "AsyncClient",
    "AsyncPager",
    "AsyncStream",
    "AsyncTransport",
    "Client",
    "Credentials",
    "MethodClosed",
    "OperationHandle",
    "OperationTimeout",
    "Pager",
    "RetryPolicy",
    "Stream",
    "Target",
    "Transport",
    "connect",
    "connect_async",
    "default_data_folder",
    "resolve_target",
]

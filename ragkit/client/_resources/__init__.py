"""The methods as people call them, one class per resource family.

Each function describes one call and does no I/O (see `ragkit.client._calls`); on `Client` it
returns the response, on `AsyncClient` an awaitable of it. Names may be ids or full resource names.
Errors common to all: `InvalidArgument` for a malformed request, `NotFound` for a resource that is
not there, `TransportError` when no reply arrives.
"""

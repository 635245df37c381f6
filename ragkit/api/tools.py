"""Tools: what a model may call, and how it is to choose."""

from __future__ import annotations

from ragkit.api.base import (
    Double,
    Float32,
    Int32,
    ProtoEnum,
    ProtoModel,
    Timestamp,
    Value,
)
from ragkit.api.schemas import Schema


class FunctionBehavior(ProtoEnum):
    """Whether the model waits for a function's response; only in bidirectional streaming."""

    UNSPECIFIED = 0
    BLOCKING = 1
    NON_BLOCKING = 2


class FunctionDeclaration(ProtoModel):
    """A function that the model may ask the caller to call.

    `name` is required: letters, digits, underscores, colons, dots and dashes, at most 64; so is
    `description`. Parameters are given as `parameters` or as `parameters_json_schema`, the result
    as `response` or as `response_json_schema`, not both.
    """

    name: str = ""
    description: str = ""
    parameters: Schema | None = None
    parameters_json_schema: Value = None
    response: Schema | None = None
    response_json_schema: Value = None
    behavior: FunctionBehavior = FunctionBehavior.UNSPECIFIED


class DynamicRetrievalMode(ProtoEnum):
    """When a search is made."""

    MODE_UNSPECIFIED = 0
    MODE_DYNAMIC = 1


class DynamicRetrievalConfig(ProtoModel):
    """When a search is made: above which threshold of its score."""

    mode: DynamicRetrievalMode = DynamicRetrievalMode.MODE_UNSPECIFIED
    dynamic_threshold: Float32 | None = None


class GoogleSearchRetrieval(ProtoModel):
    """Google search as a source of grounding."""

    dynamic_retrieval_config: DynamicRetrievalConfig | None = None


class CodeExecution(ProtoModel):
    """Lets the model execute code that it generates. It has no fields."""


class Interval(ProtoModel):
    """A time interval: from `start_time` until before `end_time`, either open."""

    start_time: Timestamp | None = None
    end_time: Timestamp | None = None


class GoogleSearch(ProtoModel):
    """Google search as a tool; `time_range_filter` needs both of its ends."""

    time_range_filter: Interval | None = None


class ComputerEnvironment(ProtoEnum):
    """What the model is to operate."""

    ENVIRONMENT_UNSPECIFIED = 0
    ENVIRONMENT_BROWSER = 1


class ComputerUse(ProtoModel):
    """Lets the model operate a computer through predefined functions."""

    environment: ComputerEnvironment = ComputerEnvironment.ENVIRONMENT_UNSPECIFIED
    excluded_predefined_functions: list[str] = []


class UrlContext(ProtoModel):
    """Lets the model fetch URLs. It has no fields."""


class RetrievalResource(ProtoModel):
    """A store to search in: `ragStores/my-store`."""

    rag_store_name: str = ""


class FileSearchRetrievalConfig(ProtoModel):
    """How a store is searched. Called `RetrievalConfig`, within FileSearch, in the protos."""

    top_k: Int32 | None = None
    metadata_filter: str = ""


class FileSearch(ProtoModel):
    """Search in file stores, which Google offers in place of corpora."""

    retrieval_resources: list[RetrievalResource] = []
    retrieval_config: FileSearchRetrievalConfig | None = None


class GoogleMaps(ProtoModel):
    """Google Maps as a source of grounding."""

    enable_widget: bool = False


class Tool(ProtoModel):
    """What the model may call: functions of the caller, or tools of the service."""

    function_declarations: list[FunctionDeclaration] = []
    google_search_retrieval: GoogleSearchRetrieval | None = None
    code_execution: CodeExecution | None = None
    google_search: GoogleSearch | None = None
    computer_use: ComputerUse | None = None
    url_context: UrlContext | None = None
    file_search: FileSearch | None = None
    google_maps: GoogleMaps | None = None


class FunctionCallingMode(ProtoEnum):
    """Whether the model calls functions."""

    MODE_UNSPECIFIED = 0
    AUTO = 1
    ANY = 2
    NONE = 3
    VALIDATED = 4


class FunctionCallingConfig(ProtoModel):
    """Whether the model calls functions, and which; names only with mode ANY or VALIDATED."""

    mode: FunctionCallingMode = FunctionCallingMode.MODE_UNSPECIFIED
    allowed_function_names: list[str] = []


class LatLng(ProtoModel):
    """A place: degrees of latitude in [-90, 90] and of longitude in [-180, 180]."""

    latitude: Double = 0.0
    longitude: Double = 0.0


class RetrievalConfig(ProtoModel):
    """Where the user is and which language they speak, for tools that search."""

    lat_lng: LatLng | None = None
    language_code: str = ""


class ToolConfig(ProtoModel):
    """The configuration of all tools of a request."""

    function_calling_config: FunctionCallingConfig | None = None
    retrieval_config: RetrievalConfig | None = None

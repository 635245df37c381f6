"""Search with conditions on metadata: by year, by topic, and by what a document is.

    python examples/filtered_search.py

It makes a small corpus in a temporary folder, so it may be run anywhere and any number of times.
Filters are applied before ranking: the best passages *among those that match* are found.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory

import ragkit
from ragkit import meta

Metadata = dict[str, float | list[str]]

MILESTONES: list[tuple[str, Metadata, str]] = [
    ("article", {"year": 1972, "topics": ["weighting"]}, "Rare terms should weigh more."),
    ("article", {"year": 1975, "topics": ["vectors"]}, "Documents are vectors of term weights."),
    ("report", {"year": 1994, "topics": ["ranking"]}, "BM25 ranks documents by their terms."),
    ("report", {"year": 1999, "topics": ["ranking", "links"]}, "PageRank ranks pages by links."),
    ("article", {"year": 2013, "topics": ["vectors"]}, "Vectors of words are learnt from text."),
    ("article", {"year": 2020, "topics": ["vectors", "ranking"]}, "Dense vectors rank passages."),
    ("article", {"year": 2020, "topics": ["answers"]}, "Generators answer from documents found."),
]


def main() -> None:
    """Fill the corpus and search it in several ways."""
    with TemporaryDirectory() as data, ragkit.connect(data=data) as client:
        client.corpora.create("milestones", display_name="Milestones of retrieval")
        for number, (kind, metadata, text) in enumerate(MILESTONES):
            client.documents.create("milestones", f"m{number}", metadata={"kind": kind})
            client.chunks.create(f"milestones/m{number}", text, metadata=metadata)
        # Filters are ANDed, the values within one are ORed. `year` means the chunk's metadata,
        # `document.kind` the document's.
        searches = {
            "everything": [],
            "before 2000": [meta("year") < 2000],
            "1990 to 2015": [meta("year") >= 1990, meta("year") <= 2015],
            "on vectors or links": [meta("topics").includes("vectors", "links")],
            "not on ranking": [meta("topics").excludes("ranking")],
            "articles of 1972 or 2020": [
                meta("document.kind") == "article",
                meta("year").one_of(1972, 2020),
            ],
        }
        for title, filters in searches.items():
            print(f"{title}:")
            retriever = ragkit.Retriever(client, "milestones", filters=filters, results_count=3)
            for passage in retriever.retrieve("how are documents ranked?"):
                print(f"  {passage.score:.2f}  {passage.metadata['year']:.0f}  {passage.text}")


if __name__ == "__main__":
    main()

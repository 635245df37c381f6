"""The numbers that ranking rests on. They come from `benchmarks/tune_ranking.py`."""

from __future__ import annotations

from dataclasses import dataclass

TERM_SATURATION = 1.2
"""BM25's k1 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", section 3)."""

LENGTH_NORMALISATION = 0.75
"""BM25's b."""

PAIR_WINDOW = 3
"""Two terms next to each other in the query count as a pair in a text up to this far apart."""

MAX_QUERY_TERMS = 64
"""Terms of a query that are looked up; the rarest are kept."""

CANDIDATES = 128
"""The least number of candidates that each side, words and vectors, puts forward."""

EXHAUSTIVE = 512
"""Up to this many chunks, all are candidates."""

APPROXIMATE_FROM = 16_384
"""From this many chunks on, candidates of a whole corpus are found in ways that may miss some."""

LEAST_TELLING = 0.15
"""The share of a query's weight that its commonest terms may have and put no candidates forward.

Among 100,000 chunks that saves two fifths of the time, and 1% of the ten best results are others;
for none of 900 questions of XQuAD, QED, COVID-QA and Cranfield does the first result change from
right to wrong.
"""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of a logistic model of "this chunk answers the query" over the features."""

    bm25: float
    coverage: float
    exact: float
    pairs: float
    cosine: float
    bias: float


# Fitted by benchmarks/tune_ranking.py with the bundled static embedder: the directions on QED's
# development set (1,355 questions), COVID-QA (1,380) and Cranfield (225), scale and bias on QED and
# Cranfield. On XQuAD (1,190 questions, 240 paragraphs), on which nothing was fitted, hit@1 and
# MRR@10 are then: en .951 .970, de .887 .924, ru .914 .944, zh .929 .954; by words only: en .947
# .966, de .873 .913, ru .922 .947, zh .935 .959. Which features there are, and that COVID-QA is
# left out of the second step, was decided with the English figures in sight, so they flatter.
# Expected calibration error over a query's ten best candidates: en .055, de .078, ru .156, zh .133
# (the static vectors of Russian and Chinese texts are all alike); by words only .058 to .070.

HYBRID = Calibration(bm25=1.30, coverage=2.06, exact=1.02, pairs=0.87, cosine=3.61, bias=-5.13)
"""For a query that has terms and a vector."""

LEXICAL = Calibration(bm25=4.36, coverage=1.26, exact=1.26, pairs=0.81, cosine=0.0, bias=-4.22)
"""For a query without a vector."""

SEMANTIC = Calibration(bm25=0.0, coverage=0.0, exact=0.0, pairs=0.0, cosine=7.96, bias=-5.65)
"""For a query without terms."""

"""What Google's documents leave open, and what is done here; a reason stands with each choice.

Documented limits stand in `ragkit.api.limits`. The choices that are not a number:

Names
- An absent corpus, document or chunk answers 404 NOT_FOUND. Google answers 403 for a corpus that
  is absent or another's, to keep its existence secret; the data folder's owner may know, clients
  tell by the HTTP status alone, and 403 would send them looking for credentials.
- A name given on create is the full resource name; another parent than the path's is refused.
- Letters of a display name without a Latin base form are left out of the id derived from it. If
  none is left, the id is the random part alone.

Fields
- Output-only fields in a request are ignored, as AIP-203 says.
- NUL characters are refused: not every database can store them, and none can be meant.
- Blank chunk data is refused, with an update mask too: it can never be found.
- A mask of `*` stands for all fields that can be updated. `data.string_value` stands for `data`,
  which has nothing else: google-generativeai sends it.
- Numbers are float32, as the protocol has them: a number beyond that range, NaN and the infinities
  are refused, and what is returned is the shortest decimal that stands for the stored number.

Lists
- A page size over the maximum is reduced to it (documented for permissions, models and tuned
  models; AIP-158 for all). A negative one is refused.
- A page token holds a position, not a snapshot: it never expires and survives writes, and rows
  created later come later. It belongs to one method and one parent; any other is refused. The page
  size may change from page to page.

Batches
- batchDelete takes at most as many requests as the other batches, whose limit is documented.
- An empty batch is refused: it is a mistake of the caller's loop more often than a wish.
- Batches are atomic (AIP-231, 233 to 235): one wrong request, and nothing is done.

Filters
- An absent key never matches, not even NOT_EQUAL and EXCLUDES: filters state what must be known.
- A value whose type does not fit the operator (LESS with a string, INCLUDES with a number) is a
  type mismatch, for which the documents promise an empty result, not an error.
- Filters that repeat a key with strings are refused: the documents allow that for numbers only,
  and to drop one silently would show what was to be hidden.
- Filters of a document's own metadata are refused in documents.query, as documented, and applied
  in generateAnswer, whose documents allow both levels for any source.

Queries
- More results than the documented maximum are refused rather than reduced: a query has no further
  pages, so a caller who is given fewer would take them for all.

Limits of a corpus
- A full corpus answers FAILED_PRECONDITION, not RESOURCE_EXHAUSTED: clients retry the latter, and
  only a delete can help. There is no limit on the number of corpora: a disk is no shared project.

Models
- models.list shows what is there; aliases are answered by models.get, which says what is behind
  them. Listed, they would pass for models of their own.
- Parts without text are refused by embedContent and countTokens: these models read text alone, and
  to leave a part out silently would give a wrong vector or count.
- Truncated embeddings are not brought back to unit length, as Google's are not.

Answers
- Nothing is blocked: there is no safety model here, and no rating is made up. Safety settings are
  checked for their form and otherwise have no effect.
- Passages may have any ids, equal ones too: uniqueness is not asked for.
- Without any passage (none given, none found, none with text) the answer is one empty part with
  finishReason STOP and probability 0: clients insist on STOP and one part, and "always attempts an
  answer" leaves no room for an error.
- temperature has no effect on an extractive answer.

Requests
- `fields` other than `*`, `alt` other than `json`, and `callback` are refused: what is asked for
  would not be delivered. `enum-encoding` is accepted and enums are sent by name, which every
  client reads.
"""

from __future__ import annotations

from typing import Final

from ragkit.api.limits import MAX_BATCH_SIZE, MAX_ID_LENGTH

RANDOM_ID_LENGTH: Final = 12
"""Documented: "a 12 character random suffix", "a random 12-character unique ID"."""

MAX_SLUG_LENGTH: Final = MAX_ID_LENGTH - 1 - RANDOM_ID_LENGTH
"""Follows: what is left for a display name beside the dash and the random part."""

MAX_BATCH_DELETE: Final = MAX_BATCH_SIZE
"""Not documented; as for the other batches."""

MAX_EMBED_BATCH: Final = 100
"""Documented for batchEmbedText; taken over for batchEmbedContents."""

MAX_QUERY_BYTES: Final = 64 * 1024
"""Not documented. Far beyond any question, and the work that one may cause stays bounded."""

DEFAULT_ANSWER_CHUNKS: Final = 10
"""Not documented: chunks that generateAnswer retrieves. As many as a query returns."""

MAX_ANSWER_CHUNKS: Final = 100
"""Not documented: the most that generateAnswer retrieves. As many as a query can return."""

MODEL_ALIASES: Final = {
    "aqa": "generateAnswer",
    "embedding-001": "embedContent",
    "text-embedding-004": "embedContent",
    "text-embedding-005": "embedContent",
    "gemini-embedding-001": "embedContent",
}
"""Names that clients hard-code, and for which method's model each stands."""

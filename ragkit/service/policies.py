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

Permissions
- The data folder's owner (an embedded client, a loopback client without a key, a key made with
  --owner) may do all, and is no grantee: what it creates without an e-mail address has no OWNER
  permission. Who creates with an address has one, which lists show.
- To list and get permissions takes READER, the role for all reading; a reader so learns who else
  may use the resource, as the API has no narrower role.
- A resource on which the caller has no role answers as an absent one does: 404 with the same text,
  before anything else of the request is checked. What the caller may see but not change answers
  403 to every request, whether what it names within the resource exists or not.
- Corpus names are one space for all: corpora.create with a name that is taken answers 409, also
  where the caller may not see by whom. Names of one's own would need the same path to mean
  different corpora to different callers, which sharing forbids. Who leaves the name out gets a
  random part, and learns and tells nothing.
- Two spellings of an address that differ in case are one grantee; it is shown as it was given.
- A permission without granteeType is a USER's if it has an address, and refused if not: EVERYONE
  must be said.
- OWNER is not granted, changed or deleted by permissions.create, patch and delete: "the only way
  to change ownership" is transferOwnership, and without an owner nobody could delete. Corpora
  have no such method, so their creator stays the owner.
- Ownership transferred to the present owner changes nothing. A new owner who had a permission keeps
  it, with the new role.
- 401 for a bearer token that is not valid, where an API key answers 400: so does Google's endpoint,
  and clients refresh a token on 401 only.

Models
- models.list shows what is there; aliases are answered by models.get, which says what is behind
  them. Listed, they would pass for models of their own.
- Parts without text are refused by embedContent and countTokens: these models read text alone, and
  to leave a part out silently would give a wrong vector or count.
- Truncated embeddings are not brought back to unit length, as Google's are not.
- Names that clients hard-code (gemini-*, text-bison-001, chat-bison-001, ...) stand for the
  configured generator, models/aqa for the generator that words answers. Where none is configured,
  generating answers 501 whatever the model's name: no name would help.

Generating
- Several candidates are written one after the other, the seed counted up: few backends write
  several at once, and none does worse for it than in time.
- Text in inlineData and fileData is read in, as UTF-8; what is not text is refused.
- What no model here can do (speech, images, log probabilities, Google's own tools) is refused;
  what has no effect by its nature (safety settings where nothing is rated, a thinking budget of a
  model that does not think, mediaResolution of text) is accepted.
- Tokens are counted by the backend where it counts; else usageMetadata and countTokens give
  cl100k_base's count, as for chunks.
- A conversation must end with the user's turn. `function` is taken for a role of the user's:
  older clients give results of functions so.
- generateMessage's and generateText's prompts become a conversation of the generator's: these
  methods had models of their own, which nobody has.
- Errors of a backend are the service's, not the caller's: a key that it refuses is
  FAILED_PRECONDITION with the reason, not UNAUTHENTICATED, which would send the caller looking for
  another key of ours. Only a prompt that it refuses is INVALID_ARGUMENT.

Answers
- Nothing is blocked: there is no safety model here, and no rating is made up. Safety settings are
  checked for their form and otherwise have no effect.
- Passages may have any ids, equal ones too: uniqueness is not asked for.
- Without any passage (none given, none found, none with text) the answer is one empty part with
  finishReason STOP and probability 0: clients insist on STOP and one part, and "always attempts an
  answer" leaves no room for an error.
- temperature has no effect on an extractive answer.
- EXTRACTIVE answers are quotes whether or not there is a generator; the other styles are worded
  by it where there is one. What it writes is kept whole, but the probability is multiplied by the
  share of its words in sentences that the passages support. If none is supported, or it declines,
  the answer is extracted instead, with its probability halved where the generator declined.

Batches of models' methods
- A batch whose requests were carried out is SUCCEEDED, whatever became of each: the numbers and the
  responses tell. FAILED is one that could not be carried out at all.
- What can be told of inline requests when the batch is created is refused then, as are requests for
  another model than the batch's; the lines of a file are judged one by one as they come.
- displayName may be left out, although the documents require it: google-genai sends none unless it
  is asked to.
- Requests that came with a batch do not come back with it, a file's name does. Responses come with
  batches.get and list both; a page of a list ends early where they would be too much for a reply.
- A request that fails because the model's backend is busy or away is tried again three times, over
  half a minute.
- A batch that is cancelled has no output: it ends at once, and what is carried out just then is not
  recorded. Cancelling one that has ended changes nothing. One that is deleted while it is under way
  goes no further, as nobody could read what it gives.
- batches.list takes a filter of FIELD=VALUE with state, displayName, model and done, joined by AND.

Tuned models
- Tuning chooses how many of the nearest examples are used and how their weights fall with distance,
  by leave-one-out loss; no weights of the base model change. One step judges one such choice over
  all examples; an epoch is all numbers of neighbours with one weighting. So epochCount says how
  many weightings are tried (at most eight: with a sharper one the nearest example decides alone);
  batchSize and the learning rate are checked and kept, and have no effect.
- Without a generator, baseModel may be any name of the form models/*: clients hard-code Google's.
  The model then answers with its examples' outputs, by weighed vote of the nearest.
- A model tuned from a tuned model has that one's examples before its own.
- A description that is not given says how the model came about.
- readerProjectNumbers are kept and have no effect: there are no projects here.
- tunedModels.list leaves out what is shared with everyone, as documented, one's own models too;
  owner:me, writers:me, readers:me and readers:everyone have them. For the data folder's owner,
  owner:me means what has no other owner.

Files
- A file belongs to who uploaded it: anybody else's is as absent (404, where Google answers 403 for
  both, so that clients cannot tell a wrong name from a wrong key). Ids are shared by all, so that a
  name given on create can be refused for a file that its creator cannot see; ids that the service
  gives cannot be guessed.
- sha256Hash is the digest's 32 bytes in base64, as its type says. Google's server sends the base64
  of the hexadecimal form; clients that compare at all accept both or follow the type.
- The MIME type is the one given: of the part or the upload's header before that of the description.
  Without one it is guessed from X-Goog-Upload-File-Name or the display name. Nothing is sniffed.
- A file is ACTIVE at once: nothing here has to process it. It expires after 48 hours, has at most
  2 GB, and all files together 20 GB, as in Google's guide; `[files]` in ragkit.toml changes that.
  Too many bytes answer FAILED_PRECONDITION, as for corpora: to try again at once cannot help.
- media.download is not in Google's protos but in its server document; without it nobody could read
  the responses of a batch from a file. As at Google's, only files that the service made can be had.
- POST /v1beta/files without media makes an empty file of the type in its description.
- uri has the host by which the caller reached the service, in process none. A fileData part may
  name a file by any of these, or by its name; no other address is fetched.
- An upload's URL is a secret that may be used without a key, as Google's: clients send the key
  with the first request only. With another principal's key it is as absent.
- An upload is given up 48 hours after its last piece, when its file would have expired too; Google
  says a week for some services and nothing for this one.
- A piece may be sent again: bytes that are there are compared, not written twice, and others that
  differ are refused. So a lost reply harms nothing, the last one's neither, in both dialects.
- In a multipart upload all between the second part's head and the closing delimiter at the body's
  end is the file, so that a boundary within the content cuts nothing off.

Cached contents
- They belong to who created them, as files do. Absent, expired and another's are one 404.
- Tokens are counted as cl100k_base; media other than text count as none. There is no least number.
- Without a mask, patch takes ttl or expireTime; other fields may come along if they say what is
  there already. A mask may name both, as only one can be sent.
- The model of a prompt must be the one that its content was cached for; aliases of it count as it.

Requests
- `alt` other than `json`, `sse` (streams) and `media` (downloads), and `callback`, are refused:
  what is asked for would not be delivered. `enum-encoding` is accepted and enums are sent by name,
  which every client reads. `fields` is honoured, but for the replies of uploads.

Over HTTP
- Without keys, requests on loopback are the owner's, and any text passes for a key, since SDKs
  insist on sending one. Once there is a key every request needs one, unless --allow-anonymous is
  given on loopback. A server that required keys goes on doing so when the last one is revoked.
- Without keys, a Host that is not this machine or an Origin that is not the server's own answers
  403: a page in a browser could otherwise read the owner's corpora (DNS rebinding).
- Too large a body is HTTP 413 with status INVALID_ARGUMENT; a verb that a path does not take, 404.
- A stream that stalls ends with an element that says DEADLINE_EXCEEDED.
"""

from __future__ import annotations

from typing import Final

from ragkit.api.limits import (
    MAX_BATCH_SIZE,
    MAX_CACHED_CONTENTS_PAGE,
    MAX_ID_LENGTH,
    PageSize,
)

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

MAX_EMAIL_LENGTH: Final = 254
"""Not documented. The longest address that RFC 5321 lets through (section 4.5.3.1.3)."""

DEFAULT_ANSWER_CHUNKS: Final = 10
"""Not documented: chunks that generateAnswer retrieves. As many as a query returns."""

MAX_ANSWER_CHUNKS: Final = 100
"""Not documented: the most that generateAnswer retrieves. As many as a query can return."""

BATCHES_PAGE: Final = PageSize(default=10, maximum=1000)
"""Not documented: page sizes of batches.list and of tunedModels.operations.list."""

MAX_BATCH_PAGE_BYTES: Final = 16 * 1024 * 1024
"""Not documented: a page of batches.list ends with the batch whose responses go beyond this."""

BATCH_LIFETIME_SECONDS: Final = 48 * 3600
"""From the public guide: a batch that is not done after 48 hours expires."""

MAX_BATCH_REQUESTS: Final = 200_000
"""Not documented: requests in one batch. Each is a row, and all responses have to fit in memory."""

MAX_TUNING_EXAMPLES: Final = 5_000
"""Not documented: examples of a tuned model. Each is compared with every other."""

DEFAULT_EPOCHS: Final = 5
"""Documented: "If not set, a default of 5 will be used"."""

MAX_EPOCHS: Final = 8
"""Follows: with a sharpness of 256, a cosine of 0.02 more is a hundred times the weight."""

CACHED_CONTENTS_PAGE: Final = PageSize(default=50, maximum=MAX_CACHED_CONTENTS_PAGE)
"""The maximum is documented; the default is not, beyond "some"."""

DEFAULT_CACHE_SECONDS: Final = 3600
"""From the public guide: how long cached content is kept that was given no expiration."""

MODEL_ALIASES: Final = {
    "aqa": "generateAnswer",
    "chat-bison-001": "generateMessage",
    "embedding-gecko-001": "embedText",
    "text-bison-001": "generateText",
    "embedding-001": "embedContent",
    "text-embedding-004": "embedContent",
    "text-embedding-005": "embedContent",
    "gemini-embedding-001": "embedContent",
}
"""Names that clients hard-code, and for which method's model each stands."""

MAX_CANDIDATES: Final = 8
"""Documented for the legacy methods; taken over for generateContent, whose documents say none."""

GENERATOR_ALIASES: Final = ("gemini-", "gemma-", "learnlm-")
"""Beginnings of names that clients hard-code, for whatever generator is configured."""

"""One JSON value as it stands in the frame, and what can be asked of it without a fault."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

from ingestor.records cimport Text

cdef extern from *:
    bint likely(bint condition) nogil
    bint unlikely(bint condition) nogil


cdef enum TokenType:
    NOTHING = 0     # key not in the frame
    NULL_VALUE = 1
    TRUE_VALUE = 2
    FALSE_VALUE = 3
    NUMBER = 4
    STRING = 5
    OBJECT = 6
    ARRAY = 7


cdef enum Escapes:
    NONE = 0
    ESCAPED = 1     # the string holds backslashes
    RESOLVED = 2    # it held them: the bytes are in the batch's scratch


cdef struct Token:
    const uint8_t* at   # a string without its quotes; else the value's first byte
    uint32_t size
    uint8_t type        # TokenType
    uint8_t escapes     # Escapes
    uint8_t high        # a string that holds bytes beyond ASCII


cdef inline bint is_absent(const Token* token) noexcept nogil:
    return token.type <= NULL_VALUE or (token.type == STRING and token.size == 0)


cdef inline bint is_word(const Token* token, const char* word, uint32_t size) noexcept nogil:
    """A string value equal to `word`. Call `settle` first where escapes may stand."""
    return token.type == STRING and token.size == size and memcmp(token.at, word, size) == 0


cdef inline bint key_is(const Token* token, const char* word, uint32_t size) noexcept nogil:
    return token.size == size and memcmp(token.at, word, size) == 0


cdef inline Text text_of(const Token* token) noexcept nogil:
    cdef Text text
    text.at = token.at
    text.size = token.size
    return text

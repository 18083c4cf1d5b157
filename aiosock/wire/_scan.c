/* One scan of a plain request head, and a search for one of its fields (RFC 9112 sections 2 to 6), for speed.

   The parser in Python, head.py, is the reference. This one accepts some of the heads that the reference accepts, and
   says the same of them. It declines all others, valid or not, and then the reference decides. So there are no error
   messages here. There are no limits either: the caller compares the sizes.

   Memory: both allocate nothing and keep nothing. They read bytes in six functions only, through a Text, which knows
   how many bytes are left. docs/decisions/0018 says how this was tested. */

#ifndef SCAN_WITHOUT_PYTHON /* tests/fuzz/scan_fuzzer.c needs only the scan */
#include <Python.h>
#endif
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    const unsigned char *at;
    size_t left;
} Text;

/* Classes of characters, one bit each. */
enum {
    NAME = 1,   /* a token: methods and field names (RFC 9110 section 5.6.2) */
    VALUE = 2,  /* a field value, with obs-text (RFC 9110 section 5.5) */
    BLANK = 4,  /* the whitespace before it (RFC 9110 section 5.6.3) */
    PATH = 8,   /* a path that need not be decoded: no percent sign */
    QUERY = 16, /* a query, without the start of a fragment (RFC 9112 section 3.2) */
    HOST = 32,  /* names in lower case, and IPv4 addresses (RFC 9110 section 7.2) */
    DIGIT = 64,
};

#define IS_DIGIT(c) ((c) >= '0' && (c) <= '9')
#define IS_LOWER(c) ((c) >= 'a' && (c) <= 'z')
#define IS_VISIBLE(c) ((c) > ' ' && (c) < 0x7f)
#define IS_BLANK(c) ((c) == ' ' || (c) == '\t')
#define IS_DELIMITER(c)                                                                                                \
    ((c) == '"' || (c) == '(' || (c) == ')' || (c) == ',' || (c) == '/' || ((c) >= ':' && (c) <= '@') ||               \
     ((c) >= '[' && (c) <= ']') || (c) == '{' || (c) == '}')

#define CLASSES_OF(c)                                                                                                  \
    ((IS_VISIBLE(c) && !IS_DELIMITER(c) ? NAME : 0) | (IS_VISIBLE(c) || IS_BLANK(c) || (c) > 0x7f ? VALUE : 0) |       \
     (IS_BLANK(c) ? BLANK : 0) | (IS_VISIBLE(c) && (c) != '#' && (c) != '%' && (c) != '?' ? PATH : 0) |                \
     (IS_VISIBLE(c) && (c) != '#' ? QUERY : 0) | (IS_LOWER(c) || IS_DIGIT(c) || (c) == '-' || (c) == '.' ? HOST : 0) | \
     (IS_DIGIT(c) ? DIGIT : 0))
#define FOUR(c) CLASSES_OF(c), CLASSES_OF(c + 1), CLASSES_OF(c + 2), CLASSES_OF(c + 3)
#define SIXTEEN(c) FOUR(c), FOUR(c + 4), FOUR(c + 8), FOUR(c + 12)
#define SIXTY_FOUR(c) SIXTEEN(c), SIXTEEN(c + 16), SIXTEEN(c + 32), SIXTEEN(c + 48)

static const unsigned char CLASSES[256] = {SIXTY_FOUR(0), SIXTY_FOUR(64), SIXTY_FOUR(128), SIXTY_FOUR(192)};

/* The six functions that read bytes. */

/* Take this byte from the front; return whether it was there. */
static inline bool take(Text *text, unsigned char byte)
{
    if (text->left == 0 || *text->at != byte)
        return false;
    text->at++;
    text->left--;
    return true;
}

/* Take all bytes of a class from the front; return them. */
static inline Text take_all(Text *text, unsigned char class)
{
    Text taken = {text->at, 0};
    while (taken.left < text->left && (CLASSES[text->at[taken.left]] & class))
        taken.left++;
    text->at += taken.left;
    text->left -= taken.left;
    return taken;
}

/* Return whether a text starts with these bytes, in lower case or not. They are in lower case. */
static inline bool starts_with(Text text, Text word)
{
    if (text.left < word.left)
        return false;
    for (size_t i = 0; i < word.left; i++) {
        unsigned char byte = text.at[i];
        if (byte >= 'A' && byte <= 'Z')
            byte += 'a' - 'A';
        if (byte != word.at[i])
            return false;
    }
    return true;
}

/* Skip what is left of a line, and its line feed; return whether there was one. */
static inline bool skip_line(Text *text)
{
    const unsigned char *end = memchr(text->at, '\n', text->left);
    if (end == NULL)
        return false;
    text->left -= (size_t)(end - text->at) + 1;
    text->at = end + 1;
    return true;
}

/* Return a text without the whitespace at its end. */
static inline Text stripped(Text text)
{
    while (text.left > 0 && (CLASSES[text.at[text.left - 1]] & BLANK))
        text.left--;
    return text;
}

/* Return the number that at most five digits are. */
static inline long number(Text digits)
{
    long value = 0;
    for (size_t i = 0; i < digits.left; i++)
        value = value * 10 + (digits.at[i] - '0');
    return value;
}

/* Return whether a text is this word, which is in lower case. */
static inline bool is(Text text, const char *word)
{
    Text whole = {(const unsigned char *)word, strlen(word)};
    return text.left == whole.left && starts_with(text, whole);
}

/* A head: its texts are parts of the bytes that were scanned. A field that is not there has `at` or its word NULL. */
typedef struct {
    size_t size;
    size_t block_start; /* where the field lines start */
    size_t lines;       /* their number */
    Text method, target, path, query;
    int minor_version;
    Text host;
    const char *connection; /* the value, in lower case */
    const char *coding;     /* likewise, of Transfer-Encoding */
    Text length;            /* the digits of Content-Length */
} Head;

/* Return the bytes from a start to where the rest starts. */
static Text between(Text start, Text rest)
{
    return (Text){start.at, start.left - rest.left};
}

static bool take_line_end(Text *text)
{
    return take(text, '\r') && take(text, '\n');
}

/* "METHOD /path?query HTTP/1.1": the origin-form (RFC 9112 section 3.2.1), which every method but CONNECT may have. */
static bool scan_request_line(Text *text, Head *head)
{
    head->method = take_all(text, NAME);
    if (head->method.left == 0 || is(head->method, "connect") || !take(text, ' '))
        return false;
    Text target = *text;
    if (!take(text, '/'))
        return false;
    take_all(text, PATH);
    head->path = head->target = between(target, *text);
    head->query = (Text){text->at, 0};
    if (take(text, '?')) {
        head->query = take_all(text, QUERY);
        head->target = between(target, *text);
    }
    for (const char *word = " HTTP/1."; *word != '\0'; word++)
        if (!take(text, (unsigned char)*word))
            return false;
    head->minor_version = take(text, '1');
    return (head->minor_version == 1 || take(text, '0')) && take_line_end(text);
}

/* A name or an IPv4 address, with or without a port. Its other characters, IPv6 and an empty port are declined. */
static bool note_host(Head *head, Text value)
{
    Text rest = value;
    if (head->host.at != NULL || take_all(&rest, HOST).left == 0)
        return false;
    if (take(&rest, ':')) {
        Text port = take_all(&rest, DIGIT);
        if (port.left == 0 || port.left > 5 || number(port) > 65535)
            return false;
    }
    head->host = value;
    return rest.left == 0;
}

static bool note_connection(Head *head, Text value)
{
    if (head->connection != NULL)
        return false;
    head->connection = is(value, "keep-alive") ? "keep-alive" : is(value, "close") ? "close" : NULL;
    return head->connection != NULL;
}

/* Nineteen digits at most, as in grammar.CONTENT_LENGTH. */
static bool note_length(Head *head, Text value)
{
    Text rest = value;
    if (head->length.at != NULL)
        return false;
    head->length = take_all(&rest, DIGIT);
    return rest.left == 0 && value.left > 0 && value.left <= 19;
}

static bool note_coding(Head *head, Text value)
{
    if (head->coding != NULL || !is(value, "chunked"))
        return false;
    head->coding = "chunked";
    return true;
}

/* "Name: value", without whitespace before the colon (RFC 9112 section 5.1). Whitespace behind a value stays part of it:
   then a value that matters here is declined. */
static bool scan_field(Text *text, Head *head)
{
    Text name = take_all(text, NAME);
    if (name.left == 0 || !take(text, ':'))
        return false;
    take_all(text, BLANK);
    Text value = take_all(text, VALUE);
    if (!take_line_end(text))
        return false;
    if (is(name, "host"))
        return note_host(head, value);
    if (is(name, "connection"))
        return note_connection(head, value);
    if (is(name, "content-length"))
        return note_length(head, value);
    if (is(name, "transfer-encoding"))
        return note_coding(head, value);
    return !is(name, "expect") && !is(name, "upgrade");
}

/* Return whether there is a whole plain head at the start. */
static bool scan_head(Text text, Head *head)
{
    Text whole = text;
    if (!scan_request_line(&text, head))
        return false;
    head->block_start = between(whole, text).left;
    for (head->lines = 0; !take(&text, '\r'); head->lines++)
        if (!scan_field(&text, head))
            return false;
    if (!take(&text, '\n'))
        return false;
    head->size = between(whole, text).left;
    if (head->minor_version == 1 && head->host.at == NULL) /* RFC 9112 section 3.2 */
        return false;
    /* RFC 9112 section 6.1: not with a length, which would be an attempt at request smuggling, and not in HTTP/1.0. */
    return head->coding == NULL || (head->length.at == NULL && head->minor_version == 1);
}

/* Return how many fields of a head have this name, in lower case, and note the value of the first. */
static size_t find_field(Text text, Text name, Text *value)
{
    size_t found = 0;
    while (skip_line(&text)) { /* the request line first */
        Text line = text;
        if (!starts_with(line, name))
            continue;
        line.at += name.left;
        line.left -= name.left;
        if (!take(&line, ':') || found++ > 0)
            continue;
        take_all(&line, BLANK);
        *value = stripped(take_all(&line, VALUE));
    }
    return found;
}

#ifndef SCAN_WITHOUT_PYTHON

/* Not Py_RETURN_NONE: as the headers of 3.12 and later have it, None needs no reference. In 3.11, which can load what was
   built with them, it does. */
static PyObject *none(void)
{
    return Py_NewRef(Py_None);
}

static PyObject *string_or_none(Text text)
{
    return text.at == NULL ? none() : PyUnicode_FromStringAndSize((const char *)text.at, (Py_ssize_t)text.left);
}

/* No reference is counted by hand: Py_BuildValue takes those of its arguments N, also if one of them is an error. */
static PyObject *scan(PyObject *module, PyObject *buffer)
{
    (void)module;
    char *data;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(buffer, &data, &size) < 0)
        return NULL;
    Head head = {0};
    if (!scan_head((Text){(const unsigned char *)data, (size_t)size}, &head))
        return none();
    return Py_BuildValue("(nnnNNNNiNzzN)", (Py_ssize_t)head.size, (Py_ssize_t)head.block_start, (Py_ssize_t)head.lines,
                         string_or_none(head.method), string_or_none(head.target), string_or_none(head.path),
                         string_or_none(head.query), head.minor_version, string_or_none(head.host), head.connection,
                         head.coding, string_or_none(head.length));
}

static PyObject *only_value(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    char *data;
    Py_ssize_t size, name_size;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "only_value() takes a head, a name and a default");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(arguments[0], &data, &size) < 0)
        return NULL;
    const char *name = PyUnicode_AsUTF8AndSize(arguments[1], &name_size);
    if (name == NULL)
        return NULL;
    Text value = {0};
    size_t found = find_field((Text){(const unsigned char *)data, (size_t)size},
                              (Text){(const unsigned char *)name, (size_t)name_size}, &value);
    if (found == 1)
        return PyUnicode_DecodeLatin1((const char *)value.at, (Py_ssize_t)value.left, NULL);
    return Py_NewRef(found == 0 ? arguments[2] : Py_None);
}

PyDoc_STRVAR(scan_doc, "Return what a plain request head says, or None for any other; see scan.py.");
PyDoc_STRVAR(only_value_doc, "Return the value of a field that a head has once, or a default; None for several.");

static PyMethodDef METHODS[] = {
    {"scan", scan, METH_O, scan_doc},
    {"only_value", (PyCFunction)(void (*)(void))only_value, METH_FASTCALL, only_value_doc},
    {NULL, NULL, 0, NULL},
};

/* The module has no state, so an interpreter may have a lock of its own (3.12) or none (3.13, free-threaded). The number
   of the first slot is part of the stable ABI, but the headers hide it from a module that 3.11 can load too. */
#ifndef Py_mod_multiple_interpreters
#define Py_mod_multiple_interpreters 3
#define Py_MOD_PER_INTERPRETER_GIL_SUPPORTED ((void *)2)
#endif
static PyModuleDef_Slot SLOTS[] = {
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};
static PyModuleDef_Slot NO_SLOTS[] = {{0, NULL}};

#define DEFINITION(slots) {PyModuleDef_HEAD_INIT, .m_name = "_scan", .m_methods = METHODS, .m_slots = slots}
static PyModuleDef SINCE_3_12 = DEFINITION(SLOTS), IN_3_11 = DEFINITION(NO_SLOTS);

PyMODINIT_FUNC PyInit__scan(void)
{
    return PyModuleDef_Init(Py_Version >= 0x030C0000 ? &SINCE_3_12 : &IN_3_11);
}

#endif

/* libFuzzer on the scan of aiosock/wire/_scan.c, without Python: `nox -s fuzz_scan` builds and runs it.

   AddressSanitizer finds a byte read outside the input. The checks find an answer that points outside it, and a head
   whose end depends on what is behind it. Whether the answers are right is tested by tests/fuzz/scanned.py, which
   compares them with those of Python. */

#define SCAN_WITHOUT_PYTHON
#include "../../aiosock/wire/_scan.c"

#include <stdint.h>
#include <stdlib.h>

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_within(Text part, const uint8_t *data, size_t size)
{
    if (part.at == NULL)
        return;
    check(part.at >= data && part.at <= data + size);
    check(part.left <= size - (size_t)(part.at - data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The name is what stands before the first colon: it may be found, once or more often, or not at all. */
    const uint8_t *colon = size > 0 ? memchr(data, ':', size) : NULL;
    Text name = {data, colon == NULL ? 0 : (size_t)(colon - data)}, value = {0};
    size_t found = find_field((Text){data, size}, name, &value);
    check(found <= size && (found > 0) == (value.at != NULL));
    check_within(value, data, size);

    Head head = {0}, alone = {0}, shorter = {0};
    if (!scan_head((Text){data, size}, &head))
        return 0;
    check(head.size <= size && head.block_start <= head.size && head.lines <= head.size);
    check_within(head.method, data, head.size);
    check_within(head.target, data, head.size);
    check_within(head.path, data, head.size);
    check_within(head.query, data, head.size);
    check_within(head.host, data, head.size);
    check_within(head.length, data, head.size);

    /* A copy of exactly the head: a byte read behind it is an error that AddressSanitizer reports. */
    uint8_t *copy = malloc(head.size);
    check(copy != NULL);
    memcpy(copy, data, head.size);
    check(scan_head((Text){copy, head.size}, &alone) && alone.size == head.size);
    check(!scan_head((Text){copy, head.size - 1}, &shorter));
    free(copy);
    return 0;
}

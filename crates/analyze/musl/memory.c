/* memcpy, memmove and memcmp for the static program on x86-64.
 *
 * musl has `rep movsq` there, which takes some thirty cycles to begin, and
 * compares byte by byte. Most of what is copied and compared here are names
 * and addresses of 8 to 40 bytes, and that was up to half of the time. What
 * is read and written never leaves the n bytes; SSE2 is in every x86-64.
 *
 * tests/cli/memory.rs compares with the obvious loops.
 */
#include <stddef.h>
#include <stdint.h>

/* Of a function that the test gives another name. */
#define STRING(name) #name
#define NAME(name) STRING(name)

typedef uint16_t two __attribute__((aligned(1), may_alias));
typedef uint32_t four __attribute__((aligned(1), may_alias));
typedef uint64_t eight __attribute__((aligned(1), may_alias));
typedef char sixteen __attribute__((vector_size(16), aligned(1), may_alias));

/* The first and the last part of what is between once and twice a type long:
 * both are read before either is written, for source and target may overlap. */
#define COPY_ENDS(type)                                                        \
    do {                                                                       \
        type first = *(const type *)s;                                         \
        type last = *(const type *)(s + n - sizeof(type));                     \
        *(type *)d = first;                                                    \
        *(type *)(d + n - sizeof(type)) = last;                                \
    } while (0)

struct line {
    sixteen part[4];
};

static inline struct line read_line(const unsigned char *s)
{
    const sixteen *part = (const sixteen *)s;
    return (struct line){{part[0], part[1], part[2], part[3]}};
}

static inline void write_line(unsigned char *d, struct line line)
{
    sixteen *part = (sixteen *)d;
    for (int i = 0; i < 4; i++)
        part[i] = line.part[i];
}

void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *d = to;
    const unsigned char *s = from;
    if (n <= 16) {
        if (n >= 8)
            COPY_ENDS(eight);
        else if (n >= 4)
            COPY_ENDS(four);
        else if (n >= 2)
            COPY_ENDS(two);
        else if (n == 1)
            *d = *s;
        return to;
    }
    if (n <= 32) {
        COPY_ENDS(sixteen);
        return to;
    }
    if (n <= 64) {
        const sixteen *head = (const sixteen *)s;
        const sixteen *tail = (const sixteen *)(s + n - 32);
        sixteen a = head[0], b = head[1], y = tail[0], z = tail[1];
        ((sixteen *)d)[0] = a;
        ((sixteen *)d)[1] = b;
        ((sixteen *)(d + n - 32))[0] = y;
        ((sixteen *)(d + n - 32))[1] = z;
        return to;
    }
    /* Lines from the side that is not overwritten before it is read; the one
     * at the other end, which may be, is read before all. */
    if ((uintptr_t)d - (uintptr_t)s >= n) {
        struct line last = read_line(s + n - 64);
        for (size_t i = 0; i < n - 64; i += 64)
            write_line(d + i, read_line(s + i));
        write_line(d + n - 64, last);
    } else {
        struct line first = read_line(s);
        for (size_t i = n; i > 64; i -= 64)
            write_line(d + i - 64, read_line(s + i - 64));
        write_line(d, first);
    }
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
    __attribute__((alias(NAME(memmove))));

/* In the order of bytes the first that differs decides, as in big-endian numbers. */
#define COMPARE_AT(type, swap, at)                                             \
    do {                                                                       \
        type x = swap(*(const type *)(a + (at)));                              \
        type y = swap(*(const type *)(b + (at)));                              \
        if (x != y)                                                            \
            return x < y ? -1 : 1;                                             \
    } while (0)

int memcmp(const void *one, const void *other, size_t n)
{
    const unsigned char *a = one, *b = other;
    if (n >= 16) {
        for (size_t i = 0;; i = i + 32 <= n ? i + 16 : n - 16) {
            sixteen same = *(const sixteen *)(a + i) == *(const sixteen *)(b + i);
            unsigned differ = (unsigned)__builtin_ia32_pmovmskb128(same) ^ 0xffff;
            if (differ) {
                size_t at = i + (size_t)__builtin_ctz(differ);
                return a[at] - b[at];
            }
            if (i + 16 == n)
                return 0;
        }
    }
    if (n >= 8) {
        COMPARE_AT(eight, __builtin_bswap64, 0);
        COMPARE_AT(eight, __builtin_bswap64, n - 8);
    } else if (n >= 4) {
        COMPARE_AT(four, __builtin_bswap32, 0);
        COMPARE_AT(four, __builtin_bswap32, n - 4);
    } else {
        for (size_t i = 0; i < n; i++)
            if (a[i] != b[i])
                return a[i] - b[i];
    }
    return 0;
}

int bcmp(const void *one, const void *other, size_t n)
    __attribute__((alias(NAME(memcmp))));

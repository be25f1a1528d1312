/* Compares musl/memory.c, whose functions are called fast_… here, with the
 * obvious loops: every length to 300 and some more, every alignment and
 * overlap, against pages that end the program when touched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *fast_memmove(void *, const void *, size_t);
void *fast_memcpy(void *, const void *, size_t);
int fast_memcmp(const void *, const void *, size_t);
int fast_bcmp(const void *, const void *, size_t);

enum { PAGE = 4096, PAGES = 4 };

static void fail(const char *what, size_t n, long at)
{
    printf("%s, n = %zu, %ld\n", what, n, at);
    exit(1);
}

/* Memory between two pages that cannot be touched. */
static unsigned char *fenced(void)
{
    unsigned char *all = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all + PAGE, PAGES * PAGE, PROT_READ | PROT_WRITE))
        fail("no memory", 0, 0);
    return all + PAGE;
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static unsigned char *a, *b, expected[PAGES * PAGE];

static void fill(unsigned char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = rand() & 0xff;
}

/* From and to within one buffer, so that all else is seen to stay. */
static void check_move(size_t from, size_t to, size_t n)
{
    enum { SIZE = PAGES * PAGE };
    size_t low = from < to ? from : to;
    size_t first = low < 64 ? 0 : low - 64, end = (from > to ? from : to) + n + 64;
    if (end > SIZE)
        end = SIZE;
    for (size_t i = first; i < end; i++)
        expected[i] = a[i];
    for (size_t i = 0; i < n; i++)
        expected[to + i] = a[from + i];
    if (fast_memmove(a + to, a + from, n) != a + to)
        fail("memmove returns something else", n, 0);
    for (size_t i = first; i < end; i++)
        if (a[i] != expected[i])
            fail("memmove", n, (long)to - (long)from);
}

static void check_compare(const unsigned char *x, const unsigned char *y, size_t n)
{
    int wanted = 0;
    for (size_t i = 0; i < n && !wanted; i++)
        wanted = x[i] - y[i];
    if (sign(fast_memcmp(x, y, n)) != sign(wanted) || sign(fast_memcmp(y, x, n)) != -sign(wanted))
        fail("memcmp", n, wanted);
    if (!fast_bcmp(x, y, n) != !wanted)
        fail("bcmp", n, wanted);
}

static void check(size_t n)
{
    enum { SIZE = PAGES * PAGE };
    /* At both fences. */
    fill(b, n), fill(a, n);
    if (fast_memcpy(a, b + SIZE - n, n) != a || memcmp(a, b + SIZE - n, n))
        fail("memcpy to the first byte", n, 0);
    fill(b, n);
    if (fast_memcpy(a + SIZE - n, b, n) != a + SIZE - n || memcmp(a + SIZE - n, b, n))
        fail("memcpy to the last byte", n, 0);

    size_t middle = SIZE / 3;
    for (size_t shift = 0; shift <= n + 2; shift += n < 150 ? 1 : 1 + n / 37)
        for (size_t align = 0; align < 16; align += 5) {
            fill(a + middle, n + 32);
            check_move(middle + align, middle + align + shift, n);
            fill(a + middle + shift, n + 32);
            check_move(middle + align + shift, middle + align, n);
        }

    for (size_t align = 0; align < 16; align++) {
        const unsigned char *x = a + align;
        unsigned char *y = b + SIZE - n;
        fill(a, n + 16);
        memcpy(y, x, n);
        check_compare(x, y, n);
        for (size_t at = 0; at < n; at += n < 150 ? 1 : 1 + n / 41) {
            y[at] ^= 1 << rand() % 8;
            /* What comes after must not matter. */
            if (at + 1 < n)
                y[at + 1 + rand() % (n - at - 1)] ^= rand() & 0xff;
            check_compare(x, y, n);
            memcpy(y, x, n);
        }
    }
}

int main(void)
{
    a = fenced(), b = fenced();
    srand(7);
    for (size_t n = 0; n <= 300; n++)
        check(n);
    for (size_t n = 301; n < PAGE; n += 333)
        check(n);
    puts("all the same");
    return 0;
}

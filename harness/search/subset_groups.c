/* Which elements are needed: groups of a row are taken away, and the row is split where one of them is needed. subset.c has
 * the theory. */
#include "harness/search/subset_internal.h"

#include <math.h>

#define PASSES 12 /* over what could not be decided */
#define BLOCK 32  /* elements that may have to go together */
#define NEAR 4    /* other sizes of a group that are tried first: up to so many more or fewer */

/* One of the next few is needed: every size below is tried, and if none can be they only go together. */
static bool is_block(const struct tl_subset_state *z)
{
    return z->contaminated > 0 && z->contaminated <= BLOCK;
}

/* The size of the group of an attempt; 0 when it is none. Returns false when there are no more. They are the one that was
 * chosen, then up to four more and fewer, then half of it and twice as much and so on, all, and one. */
static bool size_of_attempt(const struct tl_subset_state *z, size_t most, size_t *size)
{
    size_t near = is_block(z) ? z->contaminated : z->in_vain > 0 ? 1 : NEAR, step = (z->attempt + 1) / 2;
    bool more = z->attempt % 2 == 1;
    *size = 0;
    if (step <= near) {
        if (more || step == 0)
            *size = z->split + step <= most ? z->split + step : 0;
        else
            *size = z->split > step ? z->split - step : 0;
        return true;
    }
    size_t times = step - near;
    if (z->in_vain > 0 || times >= 32 || (z->split >> times == 0 && z->split << times > most)) {
        *size = more ? most : 1;
        /* That is one more step, and then none is left. */
        return times == 1 ||
               (z->in_vain == 0 && (z->split >> (times - 1) > 0 || z->split << (times - 1) <= most));
    }
    *size = more ? z->split << times : z->split >> times;
    if (*size > most)
        *size = 0;
    return true;
}

/* What the next test of the row takes away, and nothing else. */
static void without(struct tl_subset *s, const struct tl_subset_state *z, size_t size)
{
    tl_bits_copy(s, s->scratch, z->base);
    for (size_t i = z->scanned; i < z->scanned + size; i++)
        tl_bit_remove(s->scratch, z->row->elements[i]);
}

/* The shares of elements of the row. */
static size_t shares(const struct tl_subset *s, const struct tl_subset_state *z, size_t from, size_t n)
{
    size_t sum = 0;
    if (s->shares == NULL)
        return n;
    for (size_t i = from; i < from + n; i++)
        sum += s->shares[z->row->elements[i]];
    return sum;
}

static void informed(struct tl_subset_state *z)
{
    z->split = 0;
    tl_subset_begin_skips(z);
    z->spent++;
}

/* The next `size` elements of the row are not needed. */
static void gone(struct tl_subset_state *z, size_t size)
{
    for (size_t i = 0; i < size; i++)
        tl_bit_remove(z->base, z->row->elements[z->scanned++]);
    z->contaminated -= z->contaminated > 0 ? size : 0;
    informed(z);
}

/* What is not decided, the other way round. */
static void turn(struct tl_subset_state *z)
{
    struct tl_subset_row *row = tl_subset_row_new(z->row->n);
    for (size_t i = 0; i < row->n; i++)
        row->elements[i] = z->row->elements[i < z->scanned ? i : row->n - 1 - (i - z->scanned)];
    if (z->contaminated < row->n - z->scanned)
        z->contaminated = 0;
    tl_subset_row_drop(z->row);
    z->row = row;
    z->split = 0;
}

static void leave(const struct tl_subset *s, struct tl_subset_state *z, size_t size)
{
    size_t left = z->row->n - z->scanned;
    size = size < left ? size : left;
    z->given_up += shares(s, z, z->scanned, size);
    for (size_t i = 0; i < size; i++)
        tl_bit_add(z->open, z->row->elements[z->scanned++]);
    z->contaminated = 0;
    z->split = 0;
}

/* Nothing could be tried here. What only goes together stays; else the other end is looked at, once in a pass, and where
 * that is in vain some elements stay. */
static void give_up(const struct tl_subset *s, struct tl_subset_state *z)
{
    if (is_block(z)) {
        leave(s, z, z->contaminated);
        tl_subset_begin_skips(z);
        return;
    }
    bool first = z->may_turn;
    if (first || z->turned)
        turn(z);
    z->may_turn = false;
    z->turned = first;
    if (first)
        return;
    leave(s, z, z->skip);
    /* Fibonacci's numbers: where elements only go in twos or threes, twice as many would stay out of step. */
    size_t next = z->skip + z->skip_before;
    z->skip_before = z->skip;
    z->skip = next;
    z->in_vain++;
}

/* How many elements have a number of shares, as nearly as the chance of the group can tell: at least one. */
static size_t elements_of(struct tl_subset *s, struct tl_subset_state *z, size_t wanted, size_t most)
{
    const size_t all = z->contaminated > 0 ? shares(s, z, z->scanned, z->contaminated) : 0;
    size_t n = 0, sum = 0, before = 0;
    while (n < most && sum < wanted) {
        before = sum;
        sum += s->shares[z->row->elements[z->scanned + n++]];
    }
    z->none = tl_group_none_of(&s->belief, all, sum);
    if (n > 1) {
        double fewer = tl_group_none_of(&s->belief, all, before);
        if (fabs(fewer - 0.5) < fabs(z->none - 0.5)) {
            z->none = fewer;
            n--;
        }
    }
    return n;
}

static void choose_split(struct tl_subset *s, struct tl_subset_state *z)
{
    size_t n = z->row->n, left = n - z->scanned;
    size_t bits = 0;
    while ((size_t)1 << bits < n)
        bits++;
    if (z->spent + left + 2 >= 2 * n + 2 * bits + 4) {
        z->split = 1;
        z->none = 0.5;
    } else {
        size_t all = shares(s, z, 0, n) - z->given_up, some = shares(s, z, z->scanned, z->contaminated);
        tl_group_weigh(&s->belief, all, shares(s, z, z->scanned, left), z->found);
        z->split = tl_group_split(&s->belief, some, &z->none);
        if (s->shares != NULL)
            z->split = elements_of(s, z, z->split, z->contaminated > 0 ? z->contaminated - 1 : left);
    }
    z->attempt = 0;
    z->put_back = 0;
}

/* The row is at its end: what could not be decided is looked at again, from the other side. */
static void end_pass(struct tl_subset *s, struct tl_subset_state *z)
{
    for (size_t i = 0; i < s->words; i++)
        s->more[i] = z->open[i] | (z->best[i] & ~z->base[i]);
    size_t left = tl_bits_count(s->more, s->words);
    bool progress = tl_bits_count(z->best, s->words) < z->before_best;
    z->stale = progress ? 0 : z->stale + 1;
    z->pass++;
    if (left > 0 && z->stale < 2 && z->pass < PASSES) {
        tl_subset_begin_pass(s, z, tl_subset_row_of(s, s->more, z->pass % 2 == 1));
        return;
    }
    tl_bits_copy(s, z->base, z->best);
    tl_bits_copy(s, z->open, s->more);
    z->element = 0;
    z->stage = TL_SUBSET_AT_RATE;
}

bool tl_subset_groups(struct tl_subset *s, struct tl_subset_walk *w)
{
    struct tl_subset_state *z = &w->state;
    size_t left = z->row->n - z->scanned;
    if (left == 0) {
        end_pass(s, z);
        return false;
    }
    if (z->contaminated == 1) {
        z->found++;
        z->scanned++;
        z->contaminated = 0;
        z->split = 0;
        return false;
    }
    size_t most = z->contaminated > 0 ? z->contaminated - 1 : left, size = z->split;
    if (size == 0) {
        choose_split(s, z);
        return false;
    }
    unsigned ways = z->in_vain > 0 ? 2 : TL_SUBSET_PUT_BACK;
    if (z->put_back == 0 && !size_of_attempt(z, most, &size)) {
        z->put_back = 1;
        return false;
    }
    if (z->put_back == 0 && size == 0) {
        z->attempt++;
        return false;
    }
    without(s, z, size);
    if (z->put_back > 0 &&
        (z->put_back > ways ||
         !tl_subset_put_back(s, z->base, z->put_back - 1, (uint64_t)z->pass << 32 | (uint32_t)z->scanned))) {
        give_up(s, z);
        return false;
    }
    switch (tl_subset_judge(s, w, 0, z->tries, TL_SUBSET_SEARCH, z->none)) {
    case TL_SUBSET_WAITS:
        return true;
    case TL_SUBSET_FAILS:
        z->failures++;
        z->helped = z->helped || z->put_back > 0;
        if (z->put_back == 0 || tl_bits_count(s->scratch, s->words) < tl_bits_count(z->best, s->words))
            tl_bits_copy(s, z->best, s->scratch);
        gone(z, size);
        break;
    case TL_SUBSET_PASSES: {
        /* That all the rest is needed somewhere is little: where nothing else can be tried, more is given up. */
        bool little = size == most && size > 1;
        z->helped = z->helped || z->put_back > 0;
        z->contaminated = size;
        z->split = 0;
        z->spent++;
        if (!little)
            tl_subset_begin_skips(z);
        break;
    }
    case TL_SUBSET_CANNOT:
        if (z->put_back == 0)
            z->attempt++;
        else
            z->put_back++;
    }
    return false;
}

/* Blocks of a page as Markdown and HTML: where lines break, what is cut, and how it looks. */
#include "reports/page/page.h"
#include "tests/unit/report_fixture.h"

static char *paragraph(const char *words, size_t width)
{
    json_t *page = json_array();
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_inline_text(&b, words);
    tl_page_paragraph(page, tl_buffer_take(&b));
    char *text = tl_page_markdown_within(page, width);
    json_decref(page);
    return text;
}

Test(page, a_line_begins_no_block)
{
    static const struct {
        const char *words, *text;
    } lines[] = {
        {"some words of a line - and a dash", "some words of a\nline - and a\ndash\n"},
        {"a number at the end of 1. a line", "a number at the\nend of 1. a line\n"},
        {"a number at the end 17 a line", "a number at the\nend 17 a line\n"},
        {"what is added up + more of + it", "what is added\nup + more of +\nit\n"},
        {"a heading of the # second level is none", "a heading of\nthe # second\nlevel is none\n"},
        {"One is here. Two goes on from it", "One is here.\nTwo goes on from\nit\n"},
        {"averyverylongwordthatdoesnotfit here", "averyverylongwordthatdoesnotfit\nhere\n"},
        {"    code it is not", "code it is not\n"},
        {"123456789) no list", "123456789\\) no\nlist\n"},
        {"www.example.org and a@b.org GH-12 :tada:",
         "www<!-- -->.example.org\nand\na@<!-- -->b.org\nGH-<!-- -->12 :<!-- -->tada:\n"},
    };
    for (size_t i = 0; i < TL_COUNT(lines); i++) {
        char *text = paragraph(lines[i].words, 16);
        cr_expect_str_eq(text, lines[i].text, "%s", text);
        free(text);
    }
}

Test(page, commands_go_on_in_the_next_line)
{
    json_t *page = json_array();
    tl_page_code(page, "sh",
                 tl_strdup("run --with 'a long word' --and another\n# a long comment stays as it is\n"));
    char *text = tl_page_markdown_within(page, 20);
    cr_expect_str_eq(
        text,
        "```sh\nrun --with \\\n  'a long word' \\\n  --and another\n# a long comment stays as it is\n```\n",
        "%s", text);
    free(text);
    json_decref(page);
}

/* What the shell makes of a command whose words are longer than a line is what it was. */
Test(page, long_words_of_a_command_go_on)
{
    static const char *const commands[] = {
        "printf %s "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        "printf %s 'a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n o p q r "
        "s'",
        "printf %s 'aaaaaaaaaaaaaaaaaaaaaaaaaaaa'\\''bbbbbbbbbbbbbbbbbbbbbbbbb'\\''cccccccccccccccc' d ee "
        "ffffffff",
        "printf %s 'éééééééééééééééééééééééééééééééééééééééééééééééééé ééééééééééé' é",
    };
    for (size_t i = 0; i < TL_COUNT(commands); i++) {
        json_t *page = json_array();
        tl_page_code(page, "sh", tl_format("%s\n", commands[i]));
        char *text = tl_page_markdown_within(page, 44), said[2][400] = {{0}};
        size_t longest, n = count_lines(text, &longest);
        cr_expect(n > 4 && longest <= 46, "%s", text);
        text[strlen(text) - 4] = '\0';
        const char *const scripts[] = {commands[i], text + sizeof "```sh"};
        for (size_t k = 0; k < 2; k++) {
            FILE *out = popen(scripts[k], "r");
            cr_assert_not_null(out);
            cr_expect_gt(fread(said[k], 1, sizeof said[k] - 1, out), 0);
            pclose(out);
        }
        cr_expect_str_eq(said[0], said[1], "%s", text);
        free(text);
        json_decref(page);
    }
}

Test(page, cells_are_cut)
{
    json_t *page = json_array();
    static const char *const head[] = {"a", "b"};
    json_t *rows = tl_page_table(page, 2, head);
    struct tl_buffer code = TL_BUFFER_INIT;
    tl_inline_code(&code, "a very long value of an axis | that nobody wants to read in full");
    char *cells[] = {tl_strdup("short"), tl_buffer_take(&code)};
    tl_page_row(rows, true, 2, cells);
    char *text = tl_page_markdown_within(page, 50);
    size_t longest;
    cr_expect_eq(count_lines(text, &longest), 3);
    cr_expect_leq(longest, 50, "%s", text);
    has(text, "| **short** | `a very long value");
    has(text, "…` |\n");
    free(text);
    text = tl_page_markdown(page);
    has(text, "axis \\| that nobody wants to read in full` |\n");
    free(text);
    json_decref(page);
}

/* What is in a fold is blocks like any other, and its head is a line, whatever it holds. */
Test(page, folds_hold_blocks)
{
    json_t *page = json_array();
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_inline_text(&b, "a <b>\n\n# @you #1");
    json_t *fold = tl_page_fold_open(page, tl_buffer_take(&b));
    tl_page_item(fold, tl_strdup("one"));
    tl_page_item(fold, tl_strdup("two"));
    tl_page_code(fold, "text", tl_strdup("three"));
    tl_page_fold_open(page, tl_strdup("empty"));
    tl_page_fold_close(page);
    char *text = tl_page_markdown(page);
    cr_expect_str_eq(text,
                     "<details><summary>a &lt;b&gt;  # @<!-- -->you #<!-- -->1</summary>\n\n- one\n- "
                     "two\n\n```text\nthree\n"
                     "```\n\n</details>\n",
                     "%s", text);
    free(text);
    text = tl_page_html(page, "t");
    has(text,
        "<details><summary>a &lt;b&gt;  # @you #1</summary>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n<pre ");
    has_not(text, "empty");
    free(text);
    json_decref(page);
}

/* A heading is a title that is read as plain text, too: only what would format in it is escaped; on a terminal nothing is. */
Test(page, headings_are_legible)
{
    static const struct {
        const char *text, *markdown;
    } rows[] = {
        {"SIGABRT in std::vector::a_b: __n < this->size() [with T = int] a|b ~/x C:\\x 3 & 4", NULL},
        {"`x' of <n>, a * b", "`x' of \\<n>, a * b"},
        {"_x_ `y` *z* ~w~ [a](b) &amp; c #", "\\_x\\_ \\`y\\` \\*z\\* \\~w\\~ [a\\](b) &amp;amp; c \\#"},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        json_t *page = json_array();
        tl_page_heading(page, 1, rows[i].text);
        tl_page_code(page, "", tl_strdup("# \\* stays"));
        char *text = tl_page_markdown(page), *plain = tl_markdown_for_terminal(text),
             *wanted = tl_format("# %s\n", rows[i].markdown ? rows[i].markdown : rows[i].text),
             *read = tl_format("# %s\n", rows[i].text);
        cr_expect(!strncmp(text, wanted, strlen(wanted)), "%s became %s", rows[i].text, text);
        cr_expect(!strncmp(plain, read, strlen(read)), "%s is read as %s", rows[i].text, plain);
        has(plain, "\n# \\* stays\n");
        free(wanted);
        free(read);
        free(text);
        free(plain);
        json_decref(page);
    }
}

/* What is an address of the web is a link in both formats; what only looks like one, or was cut, is text. */
Test(page, addresses_are_links)
{
    static const struct {
        const char *text, *html, *markdown;
    } all[] = {
        {"https://x.example/a?b=1&c=2",
         "<a href=\"https://x.example/a?b=1&amp;c=2\" rel=\"noopener "
         "noreferrer\">https://x.example/a?b=1&amp;c=2</a>",
         "<https://x.example/a?b=1&c=2>"},
        {"HTTP://x.example/#i",
         "<a href=\"HTTP://x.example/#i\" rel=\"noopener noreferrer\">HTTP://x.example/#i</a>",
         "<HTTP://x.example/#i>"},
        {"javascript:alert(1)", "javascript:alert(1)", "javascript:alert(1)"},
        {"https://x/\"><b>", "https://x/&quot;&gt;&lt;b&gt;", "https:<!-- -->//x/\"\\>\\<b\\>"},
        {"https://me:word@x/", "https://me:word@x/", "https:<!-- -->//me:word@<!-- -->x/"},
        {"https://", "https://", "https:<!-- -->//"},
        {"https://x y", "https://x y", "https:<!-- -->//x y"},
        {"FB1", "FB1", "FB1"},
    };
    for (size_t i = 0; i < TL_COUNT(all); i++) {
        struct tl_buffer b = TL_BUFFER_INIT, html = TL_BUFFER_INIT;
        json_t *page = json_array();
        tl_inline_link(&b, all[i].text);
        tl_inline_html(&html, b.data);
        cr_expect_str_eq(html.data, all[i].html);
        tl_page_words(page, b.data);
        char *markdown = tl_page_markdown(page), *whole = tl_format("%s\n", all[i].markdown),
             *cut = tl_inline_cut(b.data, 5);
        cr_expect_str_eq(markdown, whole);
        tl_buffer_clear(&html);
        tl_inline_html(&html, cut);
        cr_expect_not(strstr(html.data, "<a "), "%s", html.data);
        free(cut);
        free(whole);
        free(markdown);
        json_decref(page);
        tl_buffer_free(&b);
        tl_buffer_free(&html);
    }
}

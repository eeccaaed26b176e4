/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/opengraph.h"
#include "tests/unit/helper.h"

static void
check(const char *html, const char *wanted)
{
        g_autofree char *copy = g_memdup2(html, strlen(html));
        g_autofree char *got = tg_opengraph_get(copy, strlen(html), "og:title");

        g_assert_cmpstr(got, ==, wanted);
}

static void
test_the_usual_spellings_are_read(void)
{
        check("<html><head><meta property=\"og:title\" content=\"A key\"></head>", "A key");
        check("<meta content='A key' property='og:title'/>", "A key");
        check("<META PROPERTY=og:title CONTENT=key>", "key");
        check("<meta\n\tproperty = \"og:title\"\n\tcontent = \"a > b\" />", "a > b");
        check("<meta name=\"og:title\" content=\"\">", "");
        check("<meta property=\"og:type\" content=\"website\"><meta property=\"og:title\" "
              "content=\"second\">",
              "second");
        check("<meta property=\"og:title\" content=\"first\"><meta property=\"og:title\" "
              "content=\"second\">",
              "first");
        check("<p>1 < 2</p><meta property=\"og:title\" content=\"x\">", "x");
}

static void
test_entities_are_resolved_once(void)
{
        check("<meta property=\"og:title\" content=\"&lt;b&gt; &amp;amp; &quot;&#39;&apos;&#x41;"
              "&#65;&#x1F600;\">",
              "<b> &amp; \"''AA\xf0\x9f\x98\x80");
        check("<meta property=\"og:title\" content=\"&unknown; & &#; &#xd800; &#0; &#x110000; "
              "&#12345678901; &#4x; &\">",
              "&unknown; & &#; &#xd800; &#0; &#x110000; &#12345678901; &#4x; &");
}

static void
test_what_is_not_there_is_not_invented(void)
{
        check("", NULL);
        check("<", NULL);
        check("<meta", NULL);
        check("<meta ", NULL);
        check("<metadata property=\"og:title\" content=\"x\">", NULL);
        check("<meta property=\"og:title\">", NULL);
        check("<meta content=\"x\">", NULL);
        check("<meta property=\"og:title\" content=\"x", NULL);
        check("<meta property=\"og:title2\" content=\"x\">", NULL);
        check("<link property=\"og:title\" content=\"x\">", NULL);
        /* an attribute does not reach beyond its tag */
        check("<meta property=\"og:title\"><meta content=\"x\">", NULL);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/opengraph/the-usual-spellings-are-read",
                        test_the_usual_spellings_are_read);
        g_test_add_func("/opengraph/entities-are-resolved-once", test_entities_are_resolved_once);
        g_test_add_func("/opengraph/what-is-not-there-is-not-invented",
                        test_what_is_not_there_is_not_invented);

        return g_test_run();
}

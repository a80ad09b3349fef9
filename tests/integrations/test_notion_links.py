import pytest

from integrations.notion import dashed, page_id_from_url

HEX = "393abc1eedcd81f5ae94ec2d55fe98ed"
ID = "393abc1e-edcd-81f5-ae94-ec2d55fe98ed"
OTHER = "0" * 32


@pytest.mark.parametrize(
    "text",
    [
        f"https://app.notion.com/p/Test-{HEX}",
        f"https://www.notion.so/Test-{HEX}",
        f"https://www.notion.so/acme/Caf%C3%A9-and-more-{HEX}?pvs=4#{OTHER}",
        f"https://notion.so/{HEX}/",
        f"notion.so/{HEX}",
        f"https://acme.notion.site/Public-{HEX}",
        f"https://www.notion.so/{OTHER}?v={OTHER}&p={HEX}&pm=s",
        f"https://www.notion.so/{ID}",
        f" {ID.upper()} ",
        HEX,
    ],
)
def test_the_page_is_found_in_what_was_pasted(text: str) -> None:
    assert page_id_from_url(text) == ID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        f"https://evil.example/{HEX}",
        f"https://notion.so.evil.example/{HEX}",
        "https://www.notion.so/Test",
        f"https://www.notion.so/a{HEX}",
        "https://[",
    ],
)
def test_anything_else_is_no_page(text: str) -> None:
    assert page_id_from_url(text) is None


def test_ids_get_their_dashes() -> None:
    assert dashed(HEX.upper()) == dashed(ID) == ID


def test_what_is_no_id_gets_none() -> None:
    with pytest.raises(ValueError, match="not a Notion id"):
        dashed("users/me")

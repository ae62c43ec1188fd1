"""Protects: every attachment and archived file becomes a member or is listed as skipped, within the limits."""

import zipfile
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.archive import unpack_archive
from converter.conversion import ConversionLimits
from converter.mail import read_mail
from converter.message_text import html_to_text
from decoding.errors import CorruptDocumentError, DocumentError, EncryptedDocumentError
from decoding.text import read_text
from testkit.office_files import archive, mail, web_page

LIMITS = ConversionLimits()
TEXT = "Invoice 4711. Thank you for your order."


def test_files_in_an_archive_become_members_under_their_names() -> None:
    conversion = unpack_archive(archive({"a.txt": b"one", "folder/b.pdf": b"two"}), LIMITS)

    assert [(member.name, member.data) for member in conversion.members] == [
        ("a.txt", b"one"),
        ("folder/b.pdf", b"two"),
    ]
    assert conversion.pages is None
    assert conversion.format == "zip"


def test_folders_and_system_files_are_ignored() -> None:
    data = archive({"folder/": b"", "__MACOSX/._a.txt": b"x", "folder/.DS_Store": b"x", "a.txt": b"one"})

    conversion = unpack_archive(data, LIMITS)

    assert [member.name for member in conversion.members] == ["a.txt"]
    assert not conversion.skipped


def test_members_beyond_the_limits_are_listed_and_the_others_are_kept() -> None:
    limits = ConversionLimits(max_members=3, max_output_bytes=1000)
    files = {"a": b"1", "large": bytes(2000), "b": b"2", "empty": b"", "c": b"3", "d": b"4"}

    conversion = unpack_archive(archive(files), limits)

    assert [member.name for member in conversion.members] == ["a", "b", "c"]
    assert [member.name for member in conversion.skipped] == ["large", "empty", "d"]


def test_a_file_that_expands_beyond_the_limit_is_not_expanded_completely() -> None:
    limits = ConversionLimits(max_output_bytes=1000)
    conversion = unpack_archive(archive({"a": b"x" * 10_000_000}), limits)

    assert not conversion.members
    assert "more than 1,000 bytes" in conversion.skipped[0].reason


def test_a_file_whose_stated_size_is_above_the_limit_is_not_expanded_at_all() -> None:
    data = archive({"large": b"x" * 2000, "a": b"1"})
    start = data.index(b"large") + len(b"large")
    unreadable = data[:start] + b"\xff" * 4 + data[start + 4 :]

    conversion = unpack_archive(unreadable, ConversionLimits(max_output_bytes=1000))

    assert [member.name for member in conversion.members] == ["a"]
    assert "more than 1,000 bytes" in conversion.skipped[0].reason


def test_a_long_list_of_skipped_members_is_summed_up() -> None:
    conversion = unpack_archive(archive({str(number): b"" for number in range(200)}), LIMITS)

    assert len(conversion.skipped) == 50
    assert conversion.skipped[-1].name == "151 others"


@pytest.mark.parametrize("files", [{}, {"folder/": b""}])
def test_an_empty_archive_is_rejected(files: dict[str, bytes]) -> None:
    with pytest.raises(CorruptDocumentError):
        unpack_archive(archive(files), LIMITS)


def test_an_archive_that_requires_a_password_is_rejected() -> None:
    data = bytearray(archive({"a": b"secret"}))
    data[6] |= 1  # the flag in the header of the file
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory

    with pytest.raises(EncryptedDocumentError):
        unpack_archive(bytes(data), LIMITS)


def test_a_damaged_file_in_an_archive_costs_only_itself() -> None:
    data = bytearray(archive({"a": b"first file", "b": b"second file"}))
    data[data.index(b"first file")] ^= 0xFF

    conversion = unpack_archive(bytes(data), LIMITS)

    assert [member.name for member in conversion.members] == ["b"]
    assert [member.name for member in conversion.skipped] == ["a"]


def test_the_text_of_a_message_starts_with_its_headers() -> None:
    conversion = read_mail(mail(TEXT, {"bill.pdf": b"%PDF-1"}), LIMITS)

    assert conversion.pages is not None
    text = read_text(conversion.pages)
    assert text is not None
    assert text.splitlines()[:5] == [
        "From:        Ann Lee <ann@example.org>",
        "To:          office@example.org",
        "Date:        Mon, 04 May 2026 10:00:00 +0000",
        "Subject:     Invoice 4711",
        "Attachments: bill.pdf",
    ]
    assert TEXT in text


def test_attachments_become_members_and_other_versions_of_the_body_do_not() -> None:
    inner = EmailMessage()
    inner["Subject"] = "Forwarded"
    inner.set_content("inner text")
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content(TEXT)
    outer.add_alternative(web_page(TEXT).decode(), subtype="html")
    outer.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="bill.pdf")
    outer.add_attachment(inner)

    conversion = read_mail(outer.as_bytes(), LIMITS)

    assert [member.name for member in conversion.members] == ["bill.pdf", "Forwarded.eml"]
    assert b"inner text" in conversion.members[1].data


def test_small_embedded_pictures_are_skipped_and_large_ones_become_members() -> None:
    message = EmailMessage()
    message.set_content(TEXT)
    message.add_alternative(web_page(TEXT).decode(), subtype="html")
    html = message.get_payload(1)
    assert isinstance(html, EmailMessage)
    for name, size in (("logo.png", 500), ("scan.png", 100_000)):
        html.add_related(
            b"x" * size, maintype="image", subtype="png", cid=f"<{name}>", filename=name, disposition="inline"
        )

    conversion = read_mail(message.as_bytes(), LIMITS)

    assert [member.name for member in conversion.members] == ["scan.png"]
    assert [member.name for member in conversion.skipped] == ["logo.png"]


def test_a_fax_within_a_message_becomes_a_member_however_small() -> None:
    message = EmailMessage()
    message.set_content(TEXT)
    message.add_related(b"II*\0 fax", maintype="image", subtype="tiff", filename="fax.tif", disposition="inline")

    conversion = read_mail(message.as_bytes(), LIMITS)

    assert [member.name for member in conversion.members] == ["fax.tif"]


def test_a_message_without_plain_text_is_read_from_its_html() -> None:
    message = EmailMessage()
    message["Message-ID"] = "<1@example.org>"
    message.set_content("<style>p {}</style><p>First&nbsp;line<br>second <b>line</b>", subtype="html")

    conversion = read_mail(message.as_bytes(), LIMITS)

    assert conversion.pages is not None
    assert conversion.pages.decode().endswith("First line\nsecond line")


def test_html_becomes_lines() -> None:
    html = "<head><title>no</title></head><h1>A</h1>\n<p>b &amp; c</p><script>x()</script><ul><li>d<li>e</ul>"

    assert html_to_text(html).split() == ["A", "b", "&", "c", "d", "e"]


def test_a_head_without_an_end_tag_does_not_hide_the_body() -> None:
    assert html_to_text("<html><head><title>no</title><meta name=x><body><p>A") == "A"
    assert html_to_text("<head><title>no</title><div>A</div>B") == "A\nB"


@pytest.mark.parametrize("unit", ["<", "<a ", "<!--", "<?", "</", '<a b="', "<div><p>", "<![CDATA["])
def test_text_of_a_message_with_endless_markup_is_found(unit: str) -> None:
    """Reading 200,000 characters of tags without end took minutes, and the message was lost with its attachments."""
    assert html_to_text("<p>Dear all" + unit * (200_000 // len(unit))).startswith("Dear all")


def test_a_message_with_endless_markup_keeps_its_attachment() -> None:
    message = EmailMessage()
    message.set_content("Invoice attached." + "<a " * 50_000, subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="invoice.pdf")
    conversion = read_mail(message.as_bytes(), LIMITS)

    assert [member.name for member in conversion.members] == ["invoice.pdf"]
    assert b"Invoice attached." in (conversion.pages or b"")


def test_text_of_a_message_with_an_unknown_declaration_is_found() -> None:
    assert html_to_text("<p>Tom &amp; Jerry<![x ]><b>met") == "Tom & Jerry\n\nmet"


def test_a_long_tag_is_read_whole() -> None:
    assert html_to_text(f'<p>A<img src="data:{"x" * 300_000}">B') == "AB"


@given(st.binary(max_size=500))
def test_any_message_is_read(data: bytes) -> None:
    conversion = read_mail(b"MIME-Version: 1.0\r\n" + data, LIMITS)

    assert conversion.pages is not None


@given(st.binary(max_size=300), st.integers(0, 400))
def test_any_archive_is_unpacked_or_rejected(noise: bytes, position: int) -> None:
    data = archive({"a.txt": b"text" * 20, "b/c.txt": b"more"})
    try:
        unpack_archive(data[:position] + noise + data[position + len(noise) :], LIMITS)
    except DocumentError:
        return


def test_names_are_cleaned_and_shortened_from_the_front() -> None:
    [member] = unpack_archive(archive({"x" * 300 + "\x1b[2J\u202e.pdf": b"one"}), LIMITS).members

    assert member.name == ("x" * 300 + "[2J.pdf")[-200:]


def test_names_in_archives_of_other_systems_are_readable() -> None:
    entry = zipfile.ZipInfo("Rechnung für März.pdf")

    [member] = unpack_archive(archive({entry.filename: b"one"}), LIMITS).members

    assert member.name == "Rechnung für März.pdf"

import numpy as np
import pytest

from training.page_groups import group_pages, predict_documents


def test_pages_are_grouped_by_name_and_sorted_by_number() -> None:
    names = ["7/talk_p001.jpg", "7/talk_p14.jpg", "7/other_p001.jpg", "6/talk_p002.jpg", "7/talk_p2.jpg"]
    assert group_pages(names) == [[0, 4, 1]]
    assert group_pages(["0/bpt6_f11_tif.jpg", "0/bpt6_f9_tif.jpg", "6/texlive-acm-10.jpg", "6/texlive-acm-9.jpg"]) == [
        [1, 0],
        [3, 2],
    ]


def test_plain_numbers_are_not_page_numbers() -> None:
    """Scans are numbered as they arrive: 300 receipts are not one document of 300 pages."""
    names = ["4/0001.jpg", "4/0002.jpg", "4/img_7.jpg", "4/img_8.jpg", "4/scan-1.png", "4/scan-2.png"]
    assert group_pages(names) == []


def test_first_page_counts_half_as_in_the_model_service() -> None:
    pages = np.array([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8], [0.2, 0.8]])
    documents = predict_documents(np.stack([pages, pages[:, ::-1]]), [[0, 1, 2, 3], [1, 0]])
    assert documents[0] == pytest.approx(np.array([[0.6375, 0.3625], [0.375, 0.625]]))
    assert documents[1] == pytest.approx(documents[0][:, ::-1])


def test_pages_after_the_maximum_are_ignored() -> None:
    pages = np.array([[[0.9, 0.1], [0.2, 0.8], [0.0, 1.0]]])
    assert predict_documents(pages, [[0, 1, 2]], max_pages=1)[0] == pytest.approx(np.array([[0.9, 0.1]]))

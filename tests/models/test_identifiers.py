import pytest
import torch

from lamslide_md.errors import InputError
from lamslide_md.models.identifiers import MAX_DIM, IdentifierPool


def test_embeddings_are_orthonormal_when_dimensions_suffice():
    pool = IdentifierPool(16, dim=24)
    torch.testing.assert_close(pool.embeddings @ pool.embeddings.T, torch.eye(16), atol=1e-5, rtol=0)


def test_embeddings_have_unit_norm_when_there_are_more_identifiers_than_dimensions():
    norms = IdentifierPool(40, dim=8).embeddings.norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(40))


def test_a_pool_of_a_peptide_is_drawn_as_it_always_was():
    square, _ = torch.linalg.qr(torch.randn(64, 64, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(IdentifierPool(64, dim=64).embeddings, square / square.norm(dim=1, keepdim=True))


def test_thousands_of_identifiers_are_orthonormal_in_sets_and_nearly_orthogonal_to_the_others():
    embeddings = IdentifierPool(2000, MAX_DIM).embeddings
    assert embeddings.shape == (2000, MAX_DIM)
    products = embeddings @ embeddings.T - torch.eye(2000)
    one, other = products[:MAX_DIM, :MAX_DIM], products[:MAX_DIM, MAX_DIM:]
    assert float(one.abs().max()) < 1e-5
    # Components of random unit vectors: normal, of variance 1 / dimensions.
    assert float(other.square().mean()) == pytest.approx(1 / MAX_DIM, rel=0.05)
    assert float(other.abs().max()) < 6 / MAX_DIM**0.5


def test_random_assignment_is_injective_and_uses_the_whole_pool(generator):
    pool = IdentifierPool(12, dim=16)
    drawn = pool.assign(500, 7, "random", generator)
    assert all(len(set(row.tolist())) == 7 for row in drawn)
    assert set(drawn.flatten().tolist()) == set(range(12))


def test_canonical_assignment_is_the_entity_index():
    assert IdentifierPool(8, dim=16).assign(2, 5, "canonical").tolist() == [[0, 1, 2, 3, 4]] * 2


def test_more_entities_than_identifiers_is_refused_with_both_numbers():
    with pytest.raises(InputError, match=r"9 entities.*8 identifiers"):
        IdentifierPool(8, dim=16).assign(1, 9, "random")

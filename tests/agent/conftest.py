import pytest

from devkit.embedder import export
from integrations.embedder import Embedder


@pytest.fixture(scope="session")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return Embedder(export(tmp_path_factory.mktemp("embedder") / "minilm"))

"""Where the kernel is compiled for these tests, and what they say where it cannot be."""

import pytest


@pytest.fixture(scope="session")
def compiled(request):
    """Kernels lie in the folder of pytest's cache; without a compiler, tests that need one are skipped as NOT RUN."""
    import torch

    from incdsl.runtime.kernels.build import CannotBuild
    from incdsl.runtime.kernels.library import library_for

    with pytest.MonkeyPatch.context() as patch:
        folder = request.config.cache.mkdir("winograd")
        folder.chmod(0o700)
        patch.setenv("INCDSL_CACHE", str(folder))
        try:
            library_for(torch.float32, "F(4x4,3x3)")
        except CannotBuild as error:
            pytest.skip(f"NOT RUN: {error}")
        yield


@pytest.fixture
def threads():
    """Sets how many threads PyTorch uses; after the test there are as many as before."""
    import torch

    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)

import pytest

OPTIONS = {"threads_per_worker": 1, "dashboard_address": ":0"}


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with distributed.Client(n_workers=2, processes=False, **OPTIONS) as client:
        yield client


@pytest.fixture(scope="package")
def _processes():
    """A list of one cluster, or none: what a test leaves may be of no use."""
    clusters = []
    yield clusters
    for cluster in clusters:
        cluster.close()


@pytest.fixture
def processes_client(_processes):
    """Two workers that are processes, which a test may kill."""
    distributed = pytest.importorskip("distributed")
    if not _processes:
        _processes.append(distributed.LocalCluster(2, processes=True, **OPTIONS))
    with distributed.Client(_processes[0]) as client:
        yield client
    try:
        with distributed.Client(_processes[0], timeout=5) as client:
            client.wait_for_workers(2, timeout=20)
    except (OSError, TimeoutError):
        _processes.pop().close()

"""What all tests share: how hypothesis draws its examples."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "losscli",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("losscli")

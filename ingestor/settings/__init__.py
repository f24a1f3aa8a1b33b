"""Settings: what the operator says, from YAML files and the environment, read and checked once.

`load()` is the only reader of files and variables in the product; everybody else is handed the models
of models.py and the rows of markets.py. Nothing here knows a provider: the dialects are given.
"""

from ingestor.settings.load import CONFIG_PATH, Configuration, load
from ingestor.settings.markets import Instrument, Market, PricedWith
from ingestor.settings.models import (
    FilesSettings,
    HttpSettings,
    KafkaSettings,
    LogSettings,
    NdjsonSettings,
    ProviderSettings,
    Settings,
    SinkSettings,
    TopicSettings,
)
from ingestor.settings.pricing import PricingSettings

__all__ = [
    "CONFIG_PATH", "Configuration", "FilesSettings", "HttpSettings", "Instrument", "KafkaSettings", "LogSettings",
    "Market", "NdjsonSettings", "PricedWith", "PricingSettings", "ProviderSettings", "Settings", "SinkSettings",
    "TopicSettings", "load",
]

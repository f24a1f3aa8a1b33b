"""What every mapping of the configuration is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of the configuration: unknown keys are faults, values do not change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True, allow_inf_nan=False)

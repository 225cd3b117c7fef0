"""Orders by customer, gross and netted, as of a moment: what value, forecast and the profile stand on."""

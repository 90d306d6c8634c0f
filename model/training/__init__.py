"""Everything that builds and measures weights; reading never imports it."""

"""Everything needed to train and validate networks; inference never imports it."""

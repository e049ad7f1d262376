"""Tables of any form: read as numbers, and given back as they were."""

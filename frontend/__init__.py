"""The page of the XAI tab: ES modules and styles, served to the browser as they are."""

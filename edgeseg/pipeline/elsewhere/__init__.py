"""The same measurements on other machines."""

"""The measures of the table: what they are, and their estimates from two projected datasets."""

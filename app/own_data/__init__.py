"""The page of data sets that people bring: what there is, adding by upload, deleting."""

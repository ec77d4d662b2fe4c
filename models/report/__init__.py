"""The page that people look at: `report.html`, made from figures that are there already."""

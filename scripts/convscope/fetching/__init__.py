"""Downloads: photographs, weights files and Mini-ImageNet row groups; nothing here needs torch."""

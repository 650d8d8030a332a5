"""Operations on files, one a module."""

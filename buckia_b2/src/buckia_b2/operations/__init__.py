"""Operations on files, one per module."""

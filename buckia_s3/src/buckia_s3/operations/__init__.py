"""Operations on objects, one a module."""

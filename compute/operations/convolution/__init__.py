"""Operations with sliding windows: convolutions, their transposes, and pooling."""

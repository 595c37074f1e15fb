"""Answers as documents to read: blocks of content, and their writers for HTML, Markdown and TeX."""

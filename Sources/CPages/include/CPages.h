// The pages of Sources/Documentation.docc as bytes inside the program.
#pragma once

/// A page: the name of its file without the ending, and its text in UTF-8, which no zero byte ends.
struct millrace_page {
    const char *name;
    const unsigned char *text;
    long length;
};

/// How many pages there are.
long millrace_page_count(void);

/// The page at an index from 0 on, below their number.
const struct millrace_page *millrace_page_at(long index);

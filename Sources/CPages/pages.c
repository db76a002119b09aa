// The reference pages inside the program: the very files of Sources/Documentation.docc, so that there is one text of each. A page that is added
// there is added to this list, and a test says when one is missing.
#include "CPages.h"

// C23, which the compiler knows in earlier versions of the language, too.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char page_Tutorial[] = {
#embed "../Documentation.docc/Tutorial.md"
};
static const unsigned char page_FromKsqlDB[] = {
#embed "../Documentation.docc/FromKsqlDB.md"
};
static const unsigned char page_FromKafka[] = {
#embed "../Documentation.docc/FromKafka.md"
};
static const unsigned char page_Statements[] = {
#embed "../Documentation.docc/Statements.md"
};
static const unsigned char page_Functions[] = {
#embed "../Documentation.docc/Functions.md"
};
static const unsigned char page_Settings[] = {
#embed "../Documentation.docc/Settings.md"
};
static const unsigned char page_Codes[] = {
#embed "../Documentation.docc/Codes.md"
};
static const unsigned char page_CommandLine[] = {
#embed "../Documentation.docc/CommandLine.md"
};
static const unsigned char page_Differences[] = {
#embed "../Documentation.docc/Differences.md"
};
static const unsigned char page_Operations[] = {
#embed "../Documentation.docc/Operations.md"
};
static const unsigned char page_Protocol[] = {
#embed "../Documentation.docc/Protocol.md"
};
static const unsigned char page_Architecture[] = {
#embed "../Documentation.docc/Architecture.md"
};
static const unsigned char page_Changelog[] = {
#embed "../Documentation.docc/Changelog.md"
};

static const struct millrace_page millrace_pages[] = {
    {"Tutorial", page_Tutorial, sizeof page_Tutorial},
    {"FromKsqlDB", page_FromKsqlDB, sizeof page_FromKsqlDB},
    {"FromKafka", page_FromKafka, sizeof page_FromKafka},
    {"Statements", page_Statements, sizeof page_Statements},
    {"Functions", page_Functions, sizeof page_Functions},
    {"Settings", page_Settings, sizeof page_Settings},
    {"Codes", page_Codes, sizeof page_Codes},
    {"CommandLine", page_CommandLine, sizeof page_CommandLine},
    {"Differences", page_Differences, sizeof page_Differences},
    {"Operations", page_Operations, sizeof page_Operations},
    {"Protocol", page_Protocol, sizeof page_Protocol},
    {"Architecture", page_Architecture, sizeof page_Architecture},
    {"Changelog", page_Changelog, sizeof page_Changelog},
};

long millrace_page_count(void) { return sizeof millrace_pages / sizeof millrace_pages[0]; }

const struct millrace_page *millrace_page_at(long index) { return &millrace_pages[index]; }

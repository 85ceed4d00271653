#include "app/pipeline/study_storage.hpp"

#include <gtest/gtest.h>

namespace sofia::pipeline {
namespace {

TEST(StudyStorage, AStudyThatIsOnlyNamedLiesInItsOwnFile) {
    EXPECT_EQ(study_storage_url("", "first").value(), "sqlite:///first.db");
    EXPECT_EQ(study_storage_url("postgresql://h/d", "first").value(), "postgresql://h/d");
    EXPECT_EQ(study_storage_url("", "").error().code, ErrorCode::usage);
    for (const char* name : {"a/b", "../up", ".", "new\nline", "what?", "a \"quoted\" one"})
        EXPECT_EQ(study_storage_url("", name).error().code, ErrorCode::usage) << name;
}

TEST(StudyStorage, APasswordIsNeverShown) {
    EXPECT_EQ(without_password("postgresql://user:secret@host:5432/db"), "postgresql://user@host:5432/db");
    EXPECT_EQ(without_password("postgresql+psycopg2://user:secret@host/db"), "postgresql+psycopg2://user@host/db");
    EXPECT_EQ(without_password("postgresql://user@host/db?password=secret&host=/tmp"), "postgresql://user@host/db");
    EXPECT_EQ(without_password("postgresql://:secret@/db"), "postgresql://@/db");
    // Not escaped as it should be, and still not shown.
    for (const char* url : {"postgresql://u:se@cret@h/db", "postgresql://u:secret/x@h/db", "postgresql://u:secret?@h/db", "mysql://u:secret@h/db",
                            "postgresql://h/db?user=a@b&password=secret", "postgresql://u:sec:ret@h/db", "postgresql://u@h/db?password=sec@ret",
                            "postgresql:///db?password=sec@ret&user=u"}) {
        const std::string shown = without_password(url);
        EXPECT_EQ(shown.find("ret"), std::string::npos) << shown;
    }
    EXPECT_EQ(without_password("sqlite:///odd:name@x?.db"), "sqlite:///odd:name@x?.db");
    EXPECT_EQ(without_password("plain/file.db"), "plain/file.db");
}

}  // namespace
}  // namespace sofia::pipeline

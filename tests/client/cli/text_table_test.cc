#include "client/cli/text_table.h"

#include "gtest/gtest.h"

namespace mneme::cli {
namespace {

TEST(TextTableTest, ColumnsAreAlignedAndLinesEndInNoBlanks) {
  TextTable table({"NAME", "COUNT", ""});
  table.AddRow({"a", "1,000", "x"});
  table.AddRow({"longer", "2", ""});
  EXPECT_EQ(table.Format(),
            "NAME    COUNT\n"
            "a       1,000  x\n"
            "longer      2\n");
}

TEST(TextTableTest, FlushLeftWithoutHeadings) {
  TextTable table({}, /*right_aligned=*/false);
  table.AddRow({"a", "long", "b"});
  table.AddRow({"bb", "c", "d"});
  EXPECT_EQ(table.Format(), "a   long  b\nbb  c     d\n");
}

TEST(NumbersTest, ThousandsAreSeparated) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1000), "1,000");
  EXPECT_EQ(WithCommas(123456), "123,456");
  EXPECT_EQ(WithCommas(18446744073709551615u), "18,446,744,073,709,551,615");
}

TEST(NumbersTest, OneIsSingular) {
  EXPECT_EQ(Counted(0, "session"), "0 sessions");
  EXPECT_EQ(Counted(1, "session"), "1 session");
  EXPECT_EQ(Counted(2000, "session"), "2,000 sessions");
}

TEST(NumbersTest, TimesHaveAUnitThatSuitsThem) {
  EXPECT_EQ(HumanMicros(0), "0 us");
  EXPECT_EQ(HumanMicros(85.4), "85 us");
  EXPECT_EQ(HumanMicros(1250), "1.25 ms");
  EXPECT_EQ(HumanMicros(3e6), "3.00 s");
}

TEST(NumbersTest, BytesHaveAUnitThatSuitsThem) {
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(34500), "34.5 KB");
  EXPECT_EQ(HumanBytes(999960), "1.0 MB");
  EXPECT_EQ(HumanBytes(5000000000), "5.0 GB");
}

}  // namespace
}  // namespace mneme::cli

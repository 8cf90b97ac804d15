package sample;

import dev.worldswitch.junit.Explore;
import dev.worldswitch.junit.Kernel;
import org.junit.jupiter.api.Tag;

/** What a failure looks like: mvn test -Dgroups=shows-a-failure. */
@Tag("shows-a-failure")
class FailingTest {
    @Explore(scenario = "xfd")
    @Kernel(without = "clear-xstate-bv-on-xfd")
    void says_clean_where_something_is_found() {}
}

/** A JUnit extension: {@code @Explore(scenario = "xfd")} is a test that every timing of a scenario comes out as expected. */
package dev.worldswitch.junit;

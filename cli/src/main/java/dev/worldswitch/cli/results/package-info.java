/** Results of many tests: KTAP, JUnit XML, JSON. */
package dev.worldswitch.cli.results;

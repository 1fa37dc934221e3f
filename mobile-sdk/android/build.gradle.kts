// Builds the AAR that is shipped, on a machine with the Android SDK; libpostern_mobile.so of each ABI lies in
// src/main/jniLibs by then. Elsewhere pom.xml compiles the same sources.
plugins {
    id("com.android.library") version "8.13.0"
    id("org.jetbrains.kotlin.android") version "2.4.21"
    `maven-publish`
}

group = "dev.postern"
version = "0.1.0"

android {
    namespace = "dev.postern.mobile.android"
    compileSdk = 36
    defaultConfig {
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
    }
    publishing { singleVariant("release") { withSourcesJar() } }
}

dependencies {
    api("dev.postern:postern-mobile:0.1.0") { exclude("net.java.dev.jna", "jna") }
    implementation("net.java.dev.jna:jna:5.19.1@aar")
    runtimeOnly("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.11.0")
}

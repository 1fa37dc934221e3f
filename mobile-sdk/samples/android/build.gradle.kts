// `gradle installDebug` on a machine with the Android SDK. Elsewhere pom.xml compiles the same sources. Nobody has run it yet.
plugins {
    id("com.android.application") version "8.13.0"
    id("org.jetbrains.kotlin.android") version "2.4.21"
}

android {
    namespace = "dev.postern.sample"
    compileSdk = 36
    defaultConfig {
        applicationId = "dev.postern.sample"
        minSdk = 26
        targetSdk = 36
        versionCode = 1
        versionName = "0.1.0"
    }
}

kotlin { jvmToolchain(17) }

dependencies {
    implementation("dev.postern:postern-mobile-android:0.1.0")
}

export * from "modern-screenshot";

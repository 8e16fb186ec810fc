import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { Project } from './project.entity.ts'
import { ProjectsController } from './projects-controller.ts'
import { Projects } from './projects.ts'

@Module({
  imports: [TypeOrmModule.forFeature([Project])],
  controllers: [ProjectsController],
  providers: [Projects],
  exports: [Projects],
})
export class ProjectsModule {}
